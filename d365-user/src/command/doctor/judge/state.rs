//! The checks of the state directory: its use and permissions, its files, its daemon, and the last
//! confirmations.

use std::time::Duration;

use super::super::finding::{Check, Finding, Judged, error, ok, warning};
use crate::{
    command::{
        doctor::facts::{Directory, ListFile, State},
        text::counted,
    },
    gate::Timestamp,
    kernel::survey::Fact,
    state::Writer,
};

/// The default of `--lease`.
const DEFAULT_LEASE: Duration = Duration::from_hours(14 * 24);

pub(super) fn judge(state: &State, now: Timestamp, list: Option<Timestamp>) -> Vec<Finding> {
    let mut judged = vec![(Check::StateDir, directory(state))];
    if matches!(state.directory, Directory::There { .. }) {
        judged.extend([
            (Check::StateFiles, files(&state.ailing)),
            (Check::ListFiles, lists(&state.lists)),
            (Check::Daemon, daemon(&state.held)),
            (Check::Lease, lease(&state.confirmed, now, list)),
        ]);
    }
    Finding::all(judged)
}

fn directory(state: &State) -> Judged<'_> {
    let path = state.path.display();
    let (owner, mode, writers, refused) = match &state.directory {
        Directory::Missing => {
            let advice = "the daemon makes it at its start; name the daemon's own with --state-dir";
            return warning(format!("{path} is not there"), advice);
        }
        Directory::Other => {
            let advice = "remove it, or name another with --state-dir";
            return error(format!("{path} is no directory"), advice);
        }
        Directory::Unknown(unknown) => return Err(unknown),
        Directory::There { owner, mode, writers, refused } => (owner, mode, writers, refused),
    };
    let found = format!("{path}, {owner}, mode {mode:03o}");
    let chmod = format!("chmod 0700 {path} if it is the daemon's own, else name another with --state-dir");
    if !writers.is_empty() {
        let writers = joined(writers);
        warning(format!("{found}: {writers} may write there too, and so approve any list"), chmod)
    } else if mode & 0o077 != 0 {
        let found = format!("{found}: others may open it, and by a lock on it keep the daemon from starting");
        warning(found, chmod)
    } else if let Some(refused) = refused {
        let found = format!("{found}: this process may not write there ({refused})");
        warning(found, "make sure that the daemon's user may")
    } else {
        ok(found)
    }
}

fn files(ailing: &Fact<Vec<(String, String)>>) -> Judged<'_> {
    let ailing = ailing.as_ref()?;
    if ailing.is_empty() {
        return ok("whole");
    }
    let each = ailing.iter().map(|(file, problem)| format!("{file}: {problem}")).collect::<Vec<_>>();
    let found = format!("{} not whole: {}", counted(ailing.len(), "file"), each.join("; "));
    let advice = "the daemon runs without such a file; look at it and at the disk, then remove it";
    warning(found, advice)
}

fn lists(lists: &Fact<Vec<ListFile>>) -> Judged<'_> {
    let lists = lists.as_ref()?;
    let (mut open, mut missing) = (Vec::new(), Vec::new());
    for (list, writers) in lists {
        match writers {
            Ok(writers) if writers.is_empty() => {}
            Ok(writers) => open.push(format!("{list} by {}", joined(writers))),
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
        return ok(format!("{}, none for others to write", counted(lists.len(), "file")));
    }
    warning(found.join("; "), advice.join("; "))
}

fn joined(writers: &[Writer]) -> String {
    writers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn daemon(held: &Fact<Option<Option<u32>>>) -> Judged<'_> {
    ok(match held.as_ref()? {
        Some(Some(process)) => format!("process {process} uses the state directory"),
        Some(None) => "a daemon uses the state directory".to_owned(),
        None => "none uses the state directory".to_owned(),
    })
}

/// Each source has its own lease. The embedded list confirms itself as of its date. It counts only if no
/// other source was confirmed: together with others it may be as old as its build.
fn lease(
    confirmed: &Fact<Option<Vec<(String, Timestamp)>>>,
    now: Timestamp,
    list: Option<Timestamp>,
) -> Judged<'_> {
    let confirmed = confirmed.as_ref()?.iter().flatten();
    let mut sources: Vec<_> = confirmed.map(|(source, at)| (source.as_str(), *at)).collect();
    if sources.is_empty() {
        sources.extend(list.map(|at| ("embedded", at)));
    }
    if sources.is_empty() {
        return warning("no source was ever confirmed", "start the daemon with a source that it can reach");
    }
    let last = |(source, at): &(&str, Timestamp)| {
        format!("{source} {}", humantime::format_rfc3339_seconds((*at).into()))
    };
    let said = format!("last confirmed: {}", sources.iter().map(last).collect::<Vec<_>>().join(", "));
    let is_over = |(_, at): &&(&str, Timestamp)| now.since(*at) >= DEFAULT_LEASE.as_secs();
    let over: Vec<_> = sources.iter().filter(is_over).map(|(source, _)| *source).collect();
    if over.is_empty() {
        return ok(said);
    }
    warning(
        format!("{said}; longer ago than the default lease of 14 days: {}", over.join(", ")),
        "let the daemon reach its sources (--ranges azure), or give it a longer --lease",
    )
}

#[cfg(test)]
mod tests;
