//! Log lines of the updater. Each has a constant message; what changes is in fields.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use ipnet::IpNet;
use tracing::field::display;

use super::{Failure, clock::Now};
use crate::{
    config::Config,
    gate::{
        Timestamp,
        approval::{Answer, Outcome, Verdict},
        gates::{self, Recovered},
    },
    logging::{duration, list, time},
    published::Lease,
    ranges::Warning,
    snapshot::SnapshotSource,
    state::{LIST_WRITERS, Remark, Writer},
};

mod decision;
mod summary;

pub(super) use decision::decisions;

/// The number of warnings about lists that are logged one by one. A long list may have thousands.
const MOST: usize = 20;

/// Logs that this program's own list is newer than the last list of a source.
pub(super) fn adopted(source: &str, ranges: usize) {
    if ranges > 0 {
        tracing::info!(
            %source, ranges,
            "the kept list is older than the embedded list, whose other ranges are listed too"
        );
    }
}

/// Logs the gates' files that could not be used, and what replaces them.
pub(super) fn recovered(recovered: &Recovered) {
    for error in &recovered.errors {
        tracing::error!(%error, "the accepted lists cannot be read");
    }
    if recovered.is_copy {
        tracing::warn!(path = gates::COPY, "the copy is used: what waited begins to wait again");
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
            %source, limit,
            "the accepted list does not fit together with the others: nothing of it is used; raise --max-ranges, or name \
             the source earlier"
        );
    }
}

/// Logs the sources that were left out and whose lists are used now.
pub(super) fn fits(before: &[String], now: &[String]) {
    for source in before.iter().filter(|source| !now.contains(source)) {
        tracing::info!(%source, "the accepted list fits within --max-ranges now, and is used");
    }
}

/// Logs a wall clock that cannot be right; `made` is the date of the embedded list.
pub(super) fn clock_at_start(now: &Now, made: Option<Timestamp>) {
    if !now.is_plausible {
        tracing::warn!(
            clock = %time(now.wall().0), embedded = %time(made.unwrap_or_default().0),
            "the clock is wrong, compared with the embedded list: what earlier daemons confirmed does not count until it is \
             right, what is read from now on does; set the clock and run a time service (chrony, systemd-timesyncd)"
        );
    }
}

/// Logs that the wall clock was set.
pub(super) fn clock_step(before: &Now, now: &Now) {
    let (clock, step) = (time(now.wall().0), now.offset.abs_diff(before.offset));
    let step = duration(Duration::from_secs(step));
    if !now.is_plausible {
        tracing::warn!(%clock, "the clock was set to a time that cannot be right: ages go on without it");
    } else if !before.is_plausible {
        tracing::info!(%clock, "the clock can be right now: what earlier daemons confirmed counts again");
    } else if now.offset > before.offset {
        tracing::info!(%clock, %step, "the clock was set forward: no age in this run changes by it");
    } else {
        tracing::info!(%clock, %step, "the clock was set back: no age in this run changes by it");
    }
}

/// Logs the sources whose last confirmation is dated in the future.
pub(super) fn lowered(sources: &[String], now: &Now) {
    for source in sources {
        tracing::warn!(
            %source, clock = %time(now.wall().0),
            "the last confirmation is dated in the future, as a wrong clock leaves it; it counts as of now"
        );
    }
}

/// Logs the remarks on the state directory.
pub(super) fn directory(remarks: &[Remark]) {
    for remark in remarks {
        match remark {
            // An earlier release or the operator left it so, and no other user could do harm.
            Remark::Tightened { writers, .. } if writers.is_empty() => {
                tracing::info!(%remark, "the state directory");
            }
            _ => tracing::warn!(%remark, "the state directory"),
        }
    }
}

/// Logs the users who may write to the list of this thread's source.
pub(super) fn list_writers(writers: &[Writer]) {
    tracing::warn!(writers = list(writers), "{LIST_WRITERS}");
}

/// Logs that the state directory does not answer, or answers again.
pub(super) fn hang(directory: &Path, is_hung: bool) {
    let path = directory.display();
    if is_hung {
        tracing::error!(
            %path,
            "the state directory does not answer: decisions are in force and not written, approvals are not seen, \
             and --unlisted drop drops nothing until it does; look at its disk or server (dmesg, a frozen file system)"
        );
    } else {
        tracing::info!(%path, "the state directory answers again");
    }
}

/// Writes the start-up summary to the log. `failsafe` is `None` if nothing is dropped.
pub(crate) fn summary(state: &impl SnapshotSource, config: &Config, failsafe: Option<&[IpNet]>, url: &str) {
    match state.snapshot() {
        Ok(snapshot) => summary::log(&snapshot, config, failsafe, url, SystemTime::now()),
        Err(error) => tracing::error!(%error, "the counters cannot be read"),
    }
}

/// Logs the result of an approval.
pub(super) fn answer(answer: &Answer) {
    let id = &answer.id;
    for Outcome { source, verdict } in &answer.outcomes {
        let _span = tracing::error_span!("approval", %id, %source).entered();
        match verdict {
            Verdict::Approved => tracing::info!("the approval is carried out"),
            Verdict::Rejected => tracing::info!("the rejection is carried out"),
            Verdict::Partly => tracing::warn!(
                "the approval is carried out in part: what is left has no room (raise --max-ranges), or would leave nothing \
                 of the list"
            ),
            Verdict::NotPending => tracing::warn!(
                "the approval is not carried out: no change of one of its prefixes waits; look at them again with \
                 `d365-user approve`"
            ),
            Verdict::NothingPending => tracing::info!("nothing waits any more for the approval"),
            Verdict::Stale => tracing::warn!(
                "the approval is not carried out: other changes wait by now; look at them again with `d365-user approve`"
            ),
            Verdict::UnknownSource => {
                tracing::warn!("the approval is not carried out: there is no such source");
            }
        }
    }
}

/// Logs that a source gave no list, and the time until the next try.
pub(super) fn failure(source: &str, error: &Failure, again: Option<Duration>) {
    let next_try = again.map(|again| display(duration(again)));
    tracing::warn!(%source, %error, next_try, "the source gave no list: what was accepted before stays");
}

/// Logs the warnings about a list.
pub(super) fn remarks(warnings: &[Warning]) {
    for remark in warnings.iter().take(MOST) {
        let (source, range) = match remark {
            Warning::HostBits { place, used: prefix, .. }
            | Warning::DocumentedGeoKept { place, prefix, .. } => (Some(&place.list), Some(prefix)),
            Warning::GeoConflict { prefix, .. } | Warning::NestedSameGeo { prefix, .. } => {
                (None, Some(prefix))
            }
            Warning::UnregisteredGeo { place, .. } | Warning::UnknownRegion { place, .. } => {
                (Some(&place.list), None)
            }
            Warning::Source { list, .. } => (Some(list), None),
        };
        let (source, range) = (source.map(display), range.map(display));
        tracing::warn!(source, range, %remark, "a remark on the range lists");
    }
    match warnings.len().saturating_sub(MOST) {
        0 => {}
        count => tracing::warn!(count, "and more remarks on the range lists"),
    }
}

/// Logs that a source's lease holds, has ended, or holds again. A lease that holds `at_start` is not logged:
/// the summary shows it. The end of a lease is a warning if packets are tagged or dropped (`has_actions`).
pub(super) fn lease(source: &str, lease: Lease, has_ended: bool, at_start: bool, has_actions: bool) {
    let (until, message) = match (lease, has_ended) {
        (Lease::Endless, _) => return,
        (Lease::Until(_), false) if at_start => return,
        (Lease::Unconfirmed, _) => (
            None,
            "the source has not confirmed its list yet: nothing is tagged for it, and nothing is dropped",
        ),
        (Lease::Until(end), false) => (Some(end), "the ranges of the source are trusted"),
        (Lease::Until(end), true) => (
            Some(end),
            "the lease ended: packets are counted as before; ranges that no other source confirms are not tagged, and \
             nothing is dropped; the lease begins again when the source is read (--ranges azure), or see --lease",
        ),
    };
    let until = until.map(|until| display(time(until)));
    if has_ended && has_actions {
        tracing::warn!(%source, until, "{message}");
    } else {
        tracing::info!(%source, until, "{message}");
    }
}
