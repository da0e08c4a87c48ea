//! Log lines about decisions and failures: one line each.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use super::{Failure, clock::Now};
use crate::{
    gate::{
        Action, Change, Decision, Refusal, Timestamp,
        approval::{Answer, Outcome, Verdict},
        gates::{self, Recovered},
    },
    ranges::{Range, Warning},
    snapshot::{Lease, SnapshotSource},
    source::Spec,
    state::{Remark, Writer},
    view,
};

/// The number of decisions that are logged one by one, for warnings and for others. The first reading of a
/// long list has thousands.
const MOST: usize = 20;

/// Logs the decisions of a gate.
pub(super) fn decisions(source: &str, decisions: &[Decision]) {
    let mut counts = [0_usize; 2];
    for (is_warning, line) in decisions.iter().filter_map(line) {
        let count = &mut counts[usize::from(is_warning)];
        *count += 1;
        match is_warning {
            _ if *count > MOST => {}
            true => tracing::warn!("{source}: {line}"),
            false => tracing::info!("{source}: {line}"),
        }
    }
    match counts.map(|count| count.saturating_sub(MOST)) {
        [0, 0] => {}
        [more, 0] => tracing::info!("{source}: and {more} more decisions"),
        [more, warnings] => tracing::warn!("{source}: and {} more decisions", more + warnings),
    }
}

/// Logs that this program's own list is newer than the last list of a source.
pub(super) fn adopted(source: &str, ranges: usize) {
    if ranges > 0 {
        tracing::info!(
            "{source}: what is kept of it is from before the embedded list, whose {ranges} other ranges are listed too"
        );
    }
}

/// Logs the gates' files that could not be used, and what replaces them.
pub(super) fn recovered(recovered: &Recovered) {
    for error in &recovered.errors {
        tracing::error!("{error}");
    }
    if recovered.is_copy {
        tracing::warn!("{} is used: what waited begins to wait again", gates::COPY);
    } else if !recovered.errors.is_empty() {
        tracing::warn!(
            "the accepted lists are lost: a download is compared with the embedded list, where that is named or of the same \
             tag; of any other source the next list is its first"
        );
    }
}

/// Logs the sources whose lists are not used at the start.
pub(super) fn left_out(sources: &[String], limit: u32) {
    for source in sources {
        tracing::warn!(
            "{source}: its accepted list does not fit together with the others within --max-ranges {limit}: nothing of it is \
             used; raise --max-ranges, or name it earlier"
        );
    }
}

/// Logs the sources that were left out and whose lists are used now.
pub(super) fn fits(before: &[String], now: &[String]) {
    for source in before.iter().filter(|source| !now.contains(source)) {
        tracing::info!("{source}: its accepted list fits within --max-ranges now, and is used");
    }
}

/// Logs a wall clock that cannot be right; `made` is the date of the embedded list.
pub(super) fn clock_at_start(now: &Now, made: Option<Timestamp>) {
    if !now.is_plausible() {
        tracing::warn!(
            "the clock shows {}, and the embedded list of this build is of {}: the clock is wrong. What earlier daemons \
             confirmed does not count until it is right; what is read from now on does. Set the clock and run a time \
             service (chrony, systemd-timesyncd)",
            time(now.wall()),
            time(made.unwrap_or_default())
        );
    }
}

/// Logs that the wall clock was set.
pub(super) fn clock_step(before: &Now, now: &Now) {
    let (to, step) = (time(now.wall()), now.offset().abs_diff(before.offset()));
    let step = whole_seconds(Duration::from_secs(step));
    if !now.is_plausible() {
        tracing::warn!("the clock was set to {to}, which cannot be right: ages go on without it");
    } else if !before.is_plausible() {
        tracing::info!(
            "the clock shows {to} now, which can be right: what earlier daemons confirmed counts again"
        );
    } else if now.offset() > before.offset() {
        tracing::info!("the clock was set forward by {step}, to {to}: no age in this run changes by it");
    } else {
        tracing::info!("the clock was set back by {step}, to {to}: no age in this run changes by it");
    }
}

/// Logs the sources whose last confirmation is dated in the future.
pub(super) fn lowered(sources: &[String], now: &Now) {
    for source in sources {
        tracing::warn!(
            "{source}: its last confirmation is dated later than now, as a wrong clock leaves it; it counts as of {}",
            time(now.wall())
        );
    }
}

/// Logs the remarks on the state directory.
pub(super) fn directory(remarks: &[Remark]) {
    for remark in remarks {
        match remark {
            // An earlier release or the operator left it so, and nobody could do harm.
            Remark::Tightened { writers, .. } if writers.is_empty() => tracing::info!("{remark}"),
            _ => tracing::warn!("{remark}"),
        }
    }
}

/// Logs the users who may write to a list.
pub(super) fn list_writers(list: &Spec, writers: &[Writer]) {
    let writers: Vec<_> = writers.iter().map(ToString::to_string).collect();
    tracing::warn!(
        "{list}: {} may write to it or replace it, and so add ranges that are trusted at once; give the file and its \
         directory to root or the daemon's user alone (chown, chmod go-w)",
        writers.join(", ")
    );
}

/// Logs that the state directory does not answer, or answers again.
pub(super) fn hang(directory: &Path, is_hung: bool) {
    let path = directory.display();
    if is_hung {
        tracing::error!(
            "the state directory {path} does not answer: decisions and counts are in force and not written, approvals are not \
             seen, and --unlisted drop drops nothing until it does; look at its disk or server (dmesg, a frozen file system)"
        );
    } else {
        tracing::info!("the state directory {path} answers again");
    }
}

/// Writes the start-up summary to the log.
pub(super) fn summary(state: &impl SnapshotSource) {
    match state.snapshot() {
        Ok(snapshot) => {
            for line in view::summary(&snapshot, SystemTime::now()) {
                tracing::info!("{line}");
            }
        }
        Err(error) => tracing::error!("the counters cannot be read: {error}"),
    }
}

/// Logs the result of an approval.
pub(super) fn answer(answer: &Answer) {
    for Outcome { source, verdict } in &answer.outcomes {
        let id = &answer.id;
        match verdict {
            Verdict::Approved => tracing::info!("{source}: approval {id} is carried out"),
            Verdict::Rejected => tracing::info!("{source}: the rejection {id} is carried out"),
            Verdict::Partly => tracing::warn!(
                "{source}: approval {id} is carried out in part: what is left has no room (raise --max-ranges), or would leave \
                 nothing of the list"
            ),
            Verdict::NotPending => tracing::warn!(
                "{source}: approval {id} is not carried out: no change of one of its prefixes waits; look at them again with \
                 `d365-user approve`"
            ),
            Verdict::NothingPending => tracing::info!("{source}: approval {id}: nothing waits any more"),
            Verdict::Stale => tracing::warn!(
                "{source}: approval {id} is not carried out: other changes wait by now; look at them again with \
                 `d365-user approve`"
            ),
            Verdict::UnknownSource => {
                tracing::warn!("{source}: approval {id} is not carried out: there is no such source");
            }
        }
    }
}

/// Logs that a source gave no list, and the time until the next try.
pub(super) fn failure(failure: &Failure, again: Option<Duration>) {
    let again = again.map_or_else(String::new, |again| format!("; next try in {}", whole_seconds(again)));
    tracing::warn!("{failure}: what was accepted before stays{again}");
}

/// A duration for people.
pub(super) fn whole_seconds(time: Duration) -> impl std::fmt::Display {
    humantime::format_duration(Duration::from_secs(time.as_secs()))
}

/// Logs the warnings about a list.
pub(super) fn remarks(warnings: &[Warning]) {
    for warning in warnings.iter().take(MOST) {
        tracing::warn!("{warning}");
    }
    match warnings.len().saturating_sub(MOST) {
        0 => {}
        more => tracing::warn!("and {more} more remarks on the range lists"),
    }
}

/// Logs that a source's lease holds, has ended, or holds again. A lease that holds `at_start` is not logged:
/// the summary shows it. The end of a lease is a warning if packets are tagged or dropped (`has_actions`).
pub(super) fn lease(source: &str, lease: Lease, has_ended: bool, at_start: bool, has_actions: bool) {
    let line = match (lease, has_ended) {
        (Lease::Endless, _) => return,
        (Lease::Until(_), false) if at_start => return,
        (Lease::Unconfirmed, _) => format!(
            "{source}: it has not confirmed its list yet: nothing is tagged for it, and nothing is dropped"
        ),
        (Lease::Until(end), false) => {
            format!("{source}: its ranges are trusted until {}", time(Timestamp(end)))
        }
        (Lease::Until(end), true) => format!(
            "{source}: its lease ended at {}: packets are counted as before; ranges that no other source confirms are not \
             tagged, and nothing is dropped; the lease begins again when the source is read (--ranges azure), or see \
             --lease",
            time(Timestamp(end))
        ),
    };
    if has_ended && has_actions {
        tracing::warn!("{line}");
    } else {
        tracing::info!("{line}");
    }
}

fn time(at: Timestamp) -> impl std::fmt::Display {
    humantime::format_rfc3339_seconds(SystemTime::from(at))
}

/// The line, and true if it is a warning. A confirmation is the normal case and is not logged.
fn line(decision: &Decision) -> Option<(bool, String)> {
    let line = match decision {
        Decision::Confirmed => return None,
        Decision::Accepted { range, by } => (false, format!("{} is listed from now on: {by}", of(range))),
        Decision::Retired { range, by, until } => {
            let until = time(*until);
            (false, format!("{} has left the list: {by}; recognised as retired until {until}", of(range)))
        }
        Decision::Relabelled { from, to, by } => (false, format!("{} is now {}: {by}", of(from), of(to))),
        Decision::SteppedBack { from, to, by } => {
            (false, format!("the change number goes back from {from} to {}: {by}", number(*to)))
        }
        Decision::Gone(range) => (false, format!("{} is not recognised as retired any more", of(range))),
        Decision::Waits { prefix, action, change } => {
            let what = match action {
                Action::Add(range) => format!("would add {}", of(range)),
                Action::Remove(_) => format!("would remove {prefix}"),
                Action::Relabel(range) => format!("would make {prefix} {}", of(range)),
            };
            let next =
                if *change == Change::Capacity { "raise --max-ranges" } else { "see `d365-user approve`" };
            (*change != Change::Addition, format!("{what}, and waits ({change}); {next}"))
        }
        Decision::Withdrawn { prefix, .. } => (false, format!("the change of {prefix} is no longer offered")),
        Decision::Rejected { prefix, .. } => {
            (false, format!("the change of {prefix} is rejected, and waits for its own approval"))
        }
        Decision::Refused(refusal) => (true, refused(*refusal).to_owned()),
    };
    Some(line)
}

fn refused(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Empty => "the list is empty: refused",
        Refusal::StepBack => {
            "the tag's change number is lower than before, or missing: the list is held whole; \
             see `d365-user approve`"
        }
        Refusal::Shrink => {
            "the list is much shorter than what is accepted: held whole; see `d365-user approve`"
        }
        Refusal::Flood => "the list has very many new ranges: held whole; see `d365-user approve`",
    }
}

fn of(range: &Range) -> String {
    let region = range.region.as_ref().map(|region| format!(", {region}")).unwrap_or_default();
    format!("{} [{}{region}]", range.prefix, range.geo)
}

fn number(number: Option<u64>) -> String {
    number.map_or_else(|| "none".to_owned(), |number| number.to_string())
}
