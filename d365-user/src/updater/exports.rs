//! The directory of `--export`: a file for each format, current after each publication. A thread of its own
//! writes there, so that a disk that does not answer delays nothing else. It runs no program.

use std::{
    collections::BTreeSet,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    time::{Duration, SystemTime},
};

use crate::{
    export::{Export, Format, Selection},
    gate::Timestamp,
    published::PublishedList,
    resources::{self, ResourceError},
    snapshot::ExportStatus,
    state::{Beneath, StateError, UNFINISHED, replace_public},
};

/// The time between two looks at the files: one that was removed or changed is written again. A failure is
/// tried again then, too.
const LOOK: Duration = Duration::from_secs(30);

/// The writer of the directory.
pub(super) struct Exports {
    lists: SyncSender<PublishedList>,
    status: Arc<Mutex<Vec<ExportStatus>>>,
}

/// Reason why a file could not be written: the value of the label `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// The list has no range for the file; the file stays.
    Empty,
    /// The disk or the quota is full.
    Full,
    /// The directory is missing.
    Missing,
    /// The directory may not be written.
    Permission,
    /// Any other error of the system.
    Io,
}

impl Reason {
    const ALL: [Self; 5] = [Self::Empty, Self::Full, Self::Io, Self::Missing, Self::Permission];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Full => "full",
            Self::Io => "io",
            Self::Missing => "missing",
            Self::Permission => "permission",
        }
    }

    fn of(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
            ErrorKind::NotFound | ErrorKind::NotADirectory => Self::Missing,
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::Permission,
            _ => Self::Io,
        }
    }
}

impl Exports {
    /// Starts the thread that writes these formats into the directory.
    ///
    /// # Errors
    /// The system has no thread left.
    pub(super) fn start(directory: PathBuf, formats: Vec<Format>) -> Result<Self, ResourceError> {
        let failures = Reason::ALL.map(|reason| (reason.as_str(), 0));
        let none = |format: &Format| ExportStatus {
            format: format.name,
            failures: failures.to_vec(),
            last_success: None,
        };
        let status = Arc::new(Mutex::new(formats.iter().map(none).collect()));
        let (lists, received) = sync_channel(1);
        let own = Arc::clone(&status);
        let work = move || keep(&directory, &formats, &received, &own);
        resources::thread_apart("exports", "write the exports", work)?;
        Ok(Self { lists, status })
    }

    /// Orders the files of this list. Returns false if another list waits: the directory does not
    /// answer.
    pub(super) fn write(&self, list: PublishedList) -> bool {
        self.lists.try_send(list).is_ok()
    }

    pub(super) fn status(&self) -> Vec<ExportStatus> {
        lock(&self.status).clone()
    }
}

/// Writes each list that comes, and looks at the files of the last one now and then.
fn keep(
    directory: &Path,
    formats: &[Format],
    lists: &Receiver<PublishedList>,
    status: &Mutex<Vec<ExportStatus>>,
) {
    clear_leftovers(directory);
    let mut list = None;
    // The messages of the last pass: each failure is logged once.
    let mut logged = BTreeSet::new();
    loop {
        match lists.recv_timeout(LOOK) {
            Ok(new) => list = Some(new),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let Some(list) = &list else { continue };
        let now = Timestamp::from(SystemTime::now()).0;
        let opened = open(directory);
        let mut failures = BTreeSet::new();
        for (at, format) in formats.iter().enumerate() {
            let outcome = match &opened {
                Ok(directory) => write(directory, format, list, now),
                Err((reason, message)) => Err((*reason, message.clone())),
            };
            let mut status = lock(status);
            match outcome {
                Ok(is_written) => {
                    status[at].last_success = Some(now);
                    if is_written {
                        let path = directory.join(format.file);
                        tracing::info!(format = format.name, path = %path.display(), "the export is written");
                    }
                }
                Err((reason, message)) => {
                    let word = reason.as_str();
                    let counts = status[at].failures.iter_mut().filter(|(reason, _)| *reason == word);
                    counts.for_each(|(_, count)| *count += 1);
                    if !logged.contains(&message) && !failures.contains(&message) {
                        tracing::warn!(
                            format = format.name, error = message,
                            next_try = %humantime::format_duration(LOOK),
                            "the export is not written; the file stays as it is"
                        );
                    }
                    failures.insert(message);
                }
            }
        }
        logged = failures;
    }
}

fn open(path: &Path) -> Result<Beneath, (Reason, String)> {
    Beneath::open(path).map_err(|cause| (Reason::of(&cause), format!("{}: {cause}", path.display())))
}

/// Removes what a daemon that was killed left half written. A file that stays does no harm.
fn clear_leftovers(path: &Path) {
    let Ok(directory) = Beneath::open(path) else { return };
    let names = directory.names().unwrap_or_default();
    for name in names.iter().filter(|name| name.starts_with(".d365") && name.ends_with(UNFINISHED)) {
        let _ = directory.unlink(name);
    }
}

/// Writes the file of one format, if the content differs. Returns true if it was written.
fn write(
    directory: &Beneath,
    format: &Format,
    list: &PublishedList,
    now: u64,
) -> Result<bool, (Reason, String)> {
    let export = Export::new(list, &Selection::default(), format.name, now);
    let text = (format.render)(&export.map_err(|error| (Reason::Empty, error.to_string()))?);
    replace_public(directory, format.file, text.as_bytes()).map_err(|error| {
        let reason = match &error {
            StateError::Write { cause, .. } => Reason::of(cause),
            _ => Reason::Io,
        };
        (reason, error.to_string())
    })
}

/// No guard is held over code that panics.
fn lock(status: &Mutex<Vec<ExportStatus>>) -> MutexGuard<'_, Vec<ExportStatus>> {
    status.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
