//! `approve`: shows what waits, asks, and hands the operator's word to the daemon. It decides nothing and touches no list:
//! the daemon's gates do, and only if what waits then is what was shown here.

use std::{
    io::{self, IsTerminal as _},
    path::Path,
    thread,
    time::{Duration, Instant, SystemTime},
};

use super::{CommandError, gates, show, text::counted};
use crate::{
    cli,
    exit::Exit,
    generation::gate::{GatePolicy, Timestamp},
    source::shown_name,
    state::{
        approval::{self, Answer, Request, Verdict},
        is_held,
    },
};

mod waiting;

/// How long a running daemon may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often its answer is looked for.
const INTERVAL: Duration = Duration::from_millis(100);

/// Shows, asks, submits, and waits for the answer.
pub(super) fn run(flags: &cli::Approve) -> Result<Exit, CommandError> {
    let directory = flags.state_dir.as_path();
    let cli::Approve { confirm_after, hold, .. } = *flags;
    let policy = GatePolicy { confirm_after, hold, ..GatePolicy::default() };
    let gates = gates(directory, policy)?.unwrap_or_default();
    // An earlier release's names may hold tokens. The daemon knows these sources by what is shown.
    let gates = gates.into_iter().map(|(name, gate)| (shown_name(&name).to_owned(), gate)).collect();
    let now = Timestamp::from(SystemTime::now());
    let Some(request) = Request::of(&gates, now, std::process::id()) else {
        show(&format!("Nothing waits for approval in {}.\n", directory.display()))?;
        return Ok(Exit::Success);
    };
    show(&waiting::table(&gates))?;
    let changes = counted(waiting::changes(&gates), "change");
    if !flags.yes && !asked(&changes)? {
        return Ok(Exit::Internal);
    }
    approval::submit(directory, &request)?;
    if !is_held(directory)? {
        show(&format!(
            "No daemon uses {}: its next start approves {changes}, if they still wait.\n",
            directory.display()
        ))?;
        return Ok(Exit::Success);
    }
    show(&format!(
        "Handed to the daemon; its answer is waited for, for {} s at most. Ctrl-C ends the waiting and takes nothing back.\n",
        PATIENCE.as_secs()
    ))?;
    match answer(directory, &request.id)? {
        Some(answer) => told(&answer),
        None => {
            show(&format!(
                "The daemon has not answered within {} s. The approval stays in {} and is carried out when the daemon \
                 finds it; look at its log.\n",
                PATIENCE.as_secs(),
                directory.join(approval::REQUEST).display()
            ))?;
            Ok(Exit::Internal)
        }
    }
}

/// Whether the operator says yes.
fn asked(changes: &str) -> Result<bool, CommandError> {
    if !io::stdin().is_terminal() {
        show("Nothing is approved: there is no terminal to ask on. Give --yes to approve what is shown.\n")?;
        return Ok(false);
    }
    show(&format!("Approve {}? [y/N] ", these(changes)))?;
    let mut line = String::new();
    io::stdin().read_line(&mut line).map_err(CommandError::Input)?;
    let yes = ["y", "yes"].iter().any(|yes| line.trim().eq_ignore_ascii_case(yes));
    if !yes {
        show("Nothing is approved.\n")?;
    }
    Ok(yes)
}

fn these(changes: &str) -> String {
    format!("{} {changes}", if changes.starts_with("1 ") { "this" } else { "these" })
}

/// The daemon's answer, if it comes in time.
fn answer(directory: &Path, id: &str) -> Result<Option<Answer>, CommandError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = approval::answer_to(directory, id)? {
            return Ok(Some(answer));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        thread::sleep(INTERVAL);
    }
}

/// Says what became of each source's approval.
fn told(answer: &Answer) -> Result<Exit, CommandError> {
    for outcome in &answer.outcomes {
        let said = match outcome.verdict {
            Verdict::Approved => "approved",
            Verdict::Stale => "not approved: other changes wait by now; look at them again",
            Verdict::NothingPending => "nothing waits any more",
            Verdict::UnknownSource => "not approved: the daemon has no such source; look at its --ranges",
        };
        show(&format!("{}: {said}\n", super::text::plain(&outcome.source)))?;
    }
    let approved = answer.outcomes.iter().all(|outcome| outcome.verdict == Verdict::Approved);
    Ok(if approved { Exit::Success } else { Exit::Internal })
}
