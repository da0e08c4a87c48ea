//! The directories that inotify watches, each once. A directory that cannot be watched is logged once and is
//! no error.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, mem,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::mpsc::Sender,
    time::SystemTime,
};

use notify::{
    Config, ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _, event::AccessKind,
};
use tracing::warn;

use super::News;

/// Device, inode and birth time, if the file system stores one. A new directory may have the inode of a
/// directory that was removed.
type Identity = (u64, u64, Option<SystemTime>);

/// Watched directories, by path without symbolic links: inotify watches a directory once, even if several
/// paths lead to it.
pub(super) struct Directories {
    /// `None` if inotify is not available.
    watcher: Option<RecommendedWatcher>,
    watched: BTreeMap<PathBuf, Identity>,
    /// Directories that cannot be watched and that the log has already reported.
    refused: BTreeSet<PathBuf>,
}

impl Directories {
    /// Creates the set without a directory. Events are sent to `news`.
    pub(super) fn new(news: Sender<News>) -> Self {
        let tell = move |event: notify::Result<Event>| {
            // The daemon's own reads open files, too.
            let is_open = |event: &Event| matches!(event.kind, EventKind::Access(AccessKind::Open(_)));
            if !event.as_ref().is_ok_and(is_open) {
                // The send fails once the thread is gone. The watcher is dropped together with the thread.
                let _ = news.send(News::Event(event));
            }
        };
        let watcher = RecommendedWatcher::new(tell, Config::default())
            .and_then(with_a_thread)
            .inspect_err(|error| {
                warn!(
                    "changes of files are noticed later, because inotify is not available ({error}); \
                     raise fs.inotify.max_user_instances, or the limit of threads"
                );
            })
            .ok();
        Self { watcher, watched: BTreeMap::new(), refused: BTreeSet::new() }
    }

    /// Watches these directories and no others. Returns those that were not watched before. A missing
    /// directory is skipped.
    pub(super) fn follow<'a>(&mut self, wanted: impl Iterator<Item = &'a Path>) -> BTreeSet<PathBuf> {
        let Some(watcher) = &mut self.watcher else { return BTreeSet::new() };
        let identity = |path: &Path| {
            let directory = fs::metadata(path).ok()?;
            Some((directory.dev(), directory.ino(), directory.created().ok()))
        };
        let wanted: BTreeMap<PathBuf, Identity> =
            wanted.filter_map(|path| Some((path.to_owned(), identity(path)?))).collect();
        let kept = |path: &PathBuf, identity: &Identity| wanted.get(path) == Some(identity);
        for (path, _) in self.watched.extract_if(.., |path, identity| !kept(path, identity)) {
            // The kernel may have removed the watch together with the directory.
            let _ = watcher.unwatch(&path);
        }
        let mut new = BTreeSet::new();
        for (path, identity) in wanted {
            if self.watched.contains_key(&path) {
                continue;
            }
            match watcher.watch(&path, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.refused.remove(&path);
                    self.watched.insert(path.clone(), identity);
                    new.insert(path);
                }
                // The directory was removed after its attributes were read.
                Err(error) if matches!(error.kind, ErrorKind::PathNotFound) => {}
                Err(error) => {
                    if self.refused.insert(path.clone()) {
                        warn!(
                            "changes in {} are noticed later, because it cannot be watched ({error}); check \
                             its permissions and fs.inotify.max_user_watches",
                            path.display()
                        );
                    }
                }
            }
        }
        new
    }

    /// Stops watching all directories.
    pub(super) fn forget_all(&mut self) {
        for path in std::mem::take(&mut self.watched).into_keys() {
            if let Some(watcher) = &mut self.watcher {
                let _ = watcher.unwatch(&path);
            }
        }
    }
}

/// Returns the watcher if its thread was created. The library hides a failure to create the thread, and then
/// panics in each later call and in the drop. The only exception is this call of `configure`: it returns an
/// error, and a running thread ignores the request.
fn with_a_thread(mut watcher: RecommendedWatcher) -> notify::Result<RecommendedWatcher> {
    match watcher.configure(Config::default()) {
        Ok(_) => Ok(watcher),
        Err(error) => {
            mem::forget(watcher);
            Err(error)
        }
    }
}
