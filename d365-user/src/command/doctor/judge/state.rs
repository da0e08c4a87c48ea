//! The checks of the state directory: its use and permissions, its files, its daemon, and the last
//! confirmations.

use std::time::Duration;

use super::super::finding::{Check, Finding};
use crate::{
    command::{
        doctor::facts::{Directory, ListFile, State},
        text::counted,
    },
    gate::Timestamp,
    kernel::survey::Fact,
};

/// The default of `--lease`.
const DEFAULT_LEASE: Duration = Duration::from_hours(14 * 24);

pub(super) fn judge(state: &State, now: Timestamp, list: Option<Timestamp>) -> Vec<Finding> {
    let mut findings = vec![directory(state)];
    if matches!(state.directory, Directory::There { .. }) {
        findings.push(files(&state.ailing));
        findings.push(lists(&state.lists));
        findings.push(daemon(&state.held));
        findings.push(lease(&state.confirmed, now, list));
    }
    findings
}

fn directory(state: &State) -> Finding {
    let path = state.path.display();
    let check = Check::StateDir;
    match &state.directory {
        Directory::Missing => Finding::warning(
            check,
            format!("{path} is not there"),
            "the daemon makes it at its start; name the daemon's own with --state-dir",
        ),
        Directory::Other => Finding::error(
            check,
            format!("{path} is no directory"),
            "remove it, or name another with --state-dir",
        ),
        Directory::Unknown(unknown) => Finding::unknown(check, unknown),
        Directory::There { owner, mode, writers, refused } => {
            let found = format!("{path}, {owner}, mode {mode:03o}");
            let chmod =
                || format!("chmod 0700 {path} if it is the daemon's own, else name another with --state-dir");
            match refused {
                _ if !writers.is_empty() => {
                    let writers: Vec<_> = writers.iter().map(ToString::to_string).collect();
                    Finding::warning(
                        check,
                        format!(
                            "{found}: {} may write there too, and so approve any list",
                            writers.join(", ")
                        ),
                        format!(
                            "chmod 0700 {path} if it is the daemon's own, else name another with --state-dir"
                        ),
                    )
                }
                _ if mode & 0o077 != 0 => Finding::warning(
                    check,
                    format!("{found}: others may open it, and by a lock on it keep the daemon from starting"),
                    chmod(),
                ),
                Some(refused) => Finding::warning(
                    check,
                    format!("{found}: this process may not write there ({refused})"),
                    "make sure that the daemon's user may",
                ),
                None => Finding::ok(check, found),
            }
        }
    }
}

fn files(ailing: &Fact<Vec<(String, String)>>) -> Finding {
    let ailing = match ailing {
        Ok(ailing) if ailing.is_empty() => return Finding::ok(Check::StateFiles, "whole"),
        Ok(ailing) => ailing,
        Err(unknown) => return Finding::unknown(Check::StateFiles, unknown),
    };
    let each = ailing.iter().map(|(file, problem)| format!("{file}: {problem}")).collect::<Vec<_>>();
    let found = format!("{} not whole: {}", counted(ailing.len(), "file"), each.join("; "));
    let advice = "the daemon runs without such a file; look at it and at the disk, then remove it";
    Finding::warning(Check::StateFiles, found, advice)
}

fn lists(lists: &Fact<Vec<ListFile>>) -> Finding {
    let lists = match lists {
        Ok(lists) => lists,
        Err(unknown) => return Finding::unknown(Check::ListFiles, unknown),
    };
    let (mut open, mut missing) = (Vec::new(), Vec::new());
    for (list, writers) in lists {
        match writers {
            Ok(writers) if writers.is_empty() => {}
            Ok(writers) => {
                let writers: Vec<_> = writers.iter().map(ToString::to_string).collect();
                open.push(format!("{list} by {}", writers.join(", ")));
            }
            Err(error) => missing.push(format!("{list} ({error})")),
        }
    }
    let (mut found, mut advice) = (Vec::new(), Vec::new());
    if !open.is_empty() {
        let open = open.join("; ");
        found.push(format!(
            "may be written to or replaced: {open}; such a writer adds ranges that are trusted at once"
        ));
        advice.push("give the file and its directory to root or the daemon's user alone (chown, chmod go-w)");
    }
    if !missing.is_empty() {
        found.push(format!("cannot be examined: {}", missing.join("; ")));
        advice.push("put the list back, or take it from --ranges");
    }
    if found.is_empty() {
        let found = format!("{}, none for others to write", counted(lists.len(), "file"));
        return Finding::ok(Check::ListFiles, found);
    }
    Finding::warning(Check::ListFiles, found.join("; "), advice.join("; "))
}

fn daemon(held: &Fact<Option<Option<u32>>>) -> Finding {
    match held {
        Ok(Some(Some(process))) => {
            Finding::ok(Check::Daemon, format!("process {process} uses the state directory"))
        }
        Ok(Some(None)) => Finding::ok(Check::Daemon, "a daemon uses the state directory"),
        Ok(None) => Finding::ok(Check::Daemon, "none uses the state directory"),
        Err(unknown) => Finding::unknown(Check::Daemon, unknown),
    }
}

/// Each source has its own lease. The embedded list confirms itself as of its date. It counts only if no
/// other source was confirmed: together with others it may be as old as its build.
fn lease(
    confirmed: &Fact<Option<Vec<(String, Timestamp)>>>,
    now: Timestamp,
    list: Option<Timestamp>,
) -> Finding {
    let confirmed = match confirmed {
        Ok(confirmed) => confirmed.iter().flatten(),
        Err(unknown) => return Finding::unknown(Check::Lease, unknown),
    };
    let mut sources: Vec<_> = confirmed.map(|(source, at)| (source.as_str(), *at)).collect();
    if sources.is_empty() {
        sources.extend(list.map(|at| ("embedded", at)));
    }
    if sources.is_empty() {
        let advice = "start the daemon with a source that it can reach";
        return Finding::warning(Check::Lease, "no source was ever confirmed", advice);
    }
    let last = |(source, at): &(&str, Timestamp)| {
        format!("{source} {}", humantime::format_rfc3339_seconds((*at).into()))
    };
    let said = format!("last confirmed: {}", sources.iter().map(last).collect::<Vec<_>>().join(", "));
    let is_over = |(_, at): &&(&str, Timestamp)| now.since(*at) >= DEFAULT_LEASE.as_secs();
    let over: Vec<_> = sources.iter().filter(is_over).map(|(source, _)| *source).collect();
    if over.is_empty() {
        return Finding::ok(Check::Lease, said);
    }
    Finding::warning(
        Check::Lease,
        format!("{said}; longer ago than the default lease of 14 days: {}", over.join(", ")),
        "let the daemon reach its sources (--ranges azure), or give it a longer --lease",
    )
}

#[cfg(test)]
mod tests;
