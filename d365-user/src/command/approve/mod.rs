//! `approve`: shows the changes that wait, asks, and hands the operator's approval or rejection to the
//! daemon. It decides nothing and touches no list. The daemon's gates decide, and only if the same changes
//! wait then.

use std::{
    io::{self, IsTerminal as _},
    path::Path,
    thread,
    time::{Duration, Instant, SystemTime},
};

use ipnet::IpNet;

use super::{
    error::CommandError,
    output::show,
    saved_gates::gates,
    text::{counted, plain},
};
use crate::{
    cli,
    exit::Exit,
    gate::{
        Gate, GatePolicy, Timestamp,
        approval::{self, Answer, Approval, Request, Verdict},
        gates::Gates,
    },
    source::shown_name,
    state::is_held,
};

mod waiting;

/// The time that a running daemon may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// The pause between two looks for its answer.
const INTERVAL: Duration = Duration::from_millis(100);

/// Shows, asks, submits, and waits for the answer.
pub(super) fn run(flags: &cli::Approve) -> Result<Exit, CommandError> {
    let directory = flags.state_dir.as_path();
    let gates = gates(directory, GatePolicy::default())?.unwrap_or_default();
    // Names of an earlier release may hold tokens. The daemon knows these sources by the names that are
    // shown.
    let gates: Gates = gates.into_iter().map(|(name, gate)| (shown_name(&name).to_owned(), gate)).collect();
    show(&waiting::table(&gates))?;
    let chosen = match chosen(flags, &gates) {
        Ok(chosen) => chosen,
        Err(reason) => {
            show(&format!("Nothing is done: {reason}.\n"))?;
            return Ok(Exit::FINDINGS);
        }
    };
    if chosen.is_empty() {
        show(&format!("Nothing waits for approval in {}.\n", directory.display()))?;
        return Ok(Exit::Success);
    }
    let count = |approval: &Approval| match (&approval.prefixes, &gates[&approval.source]) {
        (Some(prefixes), _) => prefixes.len(),
        (None, gate) if approval.reject => waiting::prefixes(gate),
        (None, gate) => waiting::changes_of(gate),
    };
    let changes = counted(chosen.iter().map(count).sum(), "change");
    if !flags.yes && flags.expect.is_empty() && !asked(&changes, flags.reject)? {
        return Ok(Exit::FINDINGS);
    }
    let request = Request::new(chosen, Timestamp::from(SystemTime::now()), std::process::id());
    if !approval::submit(directory, &request)? {
        show(&format!(
            "Nothing is done: an earlier approval is in {}, and the daemon has not taken it yet. Start the daemon, or \
             remove that file to take the approval back.\n",
            directory.join(approval::REQUEST).display()
        ))?;
        return Ok(Exit::FINDINGS);
    }
    if !is_held(directory)? {
        show(&format!(
            "No daemon uses {}: its next start {} {changes}, if they still wait.\n",
            directory.display(),
            if flags.reject { "rejects" } else { "approves" }
        ))?;
        return Ok(Exit::Success);
    }
    show(&format!(
        "Handed to the daemon; its answer is waited for, for {} s at most. Ctrl-C ends the waiting and takes nothing back.\n",
        PATIENCE.as_secs()
    ))?;
    match answer(directory, &request.id)? {
        Some(answer) => show_answer(&answer),
        None => {
            show(&format!(
                "The daemon has not answered within {} s. The approval stays in {} and is carried out when the daemon \
                 finds it; look at its log.\n",
                PATIENCE.as_secs(),
                directory.join(approval::REQUEST).display()
            ))?;
            Ok(Exit::FINDINGS)
        }
    }
}

/// The decision that the flags request, or the reason for which it cannot be taken.
fn chosen(flags: &cli::Approve, gates: &Gates) -> Result<Vec<Approval>, String> {
    let prefixes: Vec<IpNet> = flags.prefixes.iter().map(IpNet::trunc).collect();
    let waits = |gate: &Gate, prefix: &IpNet| gate.pending().any(|pending| pending.prefix == *prefix);
    if let Some(prefix) = prefixes.iter().find(|prefix| !gates.values().any(|gate| waits(gate, prefix))) {
        return Err(format!("no change of {prefix} waits"));
    }
    let digests: Vec<String> = gates.values().filter_map(Gate::pending_digest).collect();
    if let Some(digest) = flags.expect.iter().find(|digest| !digests.contains(digest)) {
        return Err(format!("nothing with the digest {} waits", plain(digest)));
    }
    let approval = |(source, gate): (&String, &Gate)| {
        let all = Approval::of(source, gate)?;
        let own = || prefixes.iter().filter(|prefix| waits(gate, prefix)).copied().collect();
        let only: Option<Vec<IpNet>> = (!prefixes.is_empty()).then(own);
        let is_meant = only.as_ref().map_or_else(|| gate.waits(), |only| !only.is_empty());
        let is_expected = flags.expect.is_empty() || flags.expect.contains(&all.digest);
        (is_meant && is_expected).then_some(Approval { prefixes: only, reject: flags.reject, ..all })
    };
    let mut chosen: Vec<Approval> = gates.iter().filter_map(approval).collect();
    let count = chosen.len();
    if flags.reject {
        chosen.retain(|approval| waiting::prefixes(&gates[&approval.source]) > 0);
    }
    match (count, chosen.len()) {
        (1.., 0) => Err(
            "what waits is a lower change number, which cannot be rejected: it is held for as long as the \
                         source offers it, or until it is approved"
                .to_owned(),
        ),
        (0, _) if !prefixes.is_empty() => Err("nothing of these prefixes waits with this digest".to_owned()),
        _ => Ok(chosen),
    }
}

/// Asks the operator. Returns true if the answer is yes.
fn asked(changes: &str, rejects: bool) -> Result<bool, CommandError> {
    let (word, done) = if rejects { ("Reject", "rejected") } else { ("Approve", "approved") };
    if !io::stdin().is_terminal() {
        show(&format!(
            "Nothing is {done}: there is no terminal to ask on. Give --yes to do it, or --expect DIGEST to do it only for what \
             is shown.\n"
        ))?;
        return Ok(false);
    }
    show(&format!("{word} {}? [y/N] ", these(changes)))?;
    let mut line = String::new();
    io::stdin().read_line(&mut line).map_err(CommandError::Input)?;
    let yes = ["y", "yes"].iter().any(|yes| line.trim().eq_ignore_ascii_case(yes));
    if !yes {
        show(&format!("Nothing is {done}.\n"))?;
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

/// Shows the result of each source's approval.
fn show_answer(answer: &Answer) -> Result<Exit, CommandError> {
    for outcome in &answer.outcomes {
        let result = match outcome.verdict {
            Verdict::Approved => "approved",
            Verdict::Partly => {
                "approved, but for what has no room (raise --max-ranges) or would leave nothing of the list; look at them again"
            }
            Verdict::Rejected => "rejected",
            Verdict::NotPending => {
                "nothing is done: no change of one of the prefixes waits; look at them again"
            }
            Verdict::Stale => "not approved: other changes wait by now; look at them again",
            Verdict::NothingPending => "nothing waits any more",
            Verdict::UnknownSource => "not approved: the daemon has no such source; look at its --ranges",
        };
        show(&format!("{}: {result}\n", plain(&outcome.source)))?;
    }
    let is_done = |verdict| matches!(verdict, Verdict::Approved | Verdict::Rejected);
    let approved = answer.outcomes.iter().all(|outcome| is_done(outcome.verdict));
    Ok(if approved { Exit::Success } else { Exit::FINDINGS })
}
