//! The directories that inotify watches, each once. What cannot be watched is said once, and is no error.

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

/// Device, inode and time of birth, where the file system keeps that: another directory may have the inode of one that is
/// gone.
type Identity = (u64, u64, Option<SystemTime>);

/// Watched directories, by path without symbolic links: inotify knows a directory once, however it is reached.
pub(super) struct Directories {
    /// `None` where there is no inotify.
    watcher: Option<RecommendedWatcher>,
    watched: BTreeMap<PathBuf, Identity>,
    /// Those of which it was said that they cannot be watched.
    refused: BTreeSet<PathBuf>,
}

impl Directories {
    /// None yet; events go to `news`.
    pub(super) fn new(news: Sender<News>) -> Self {
        let tell = move |event: notify::Result<Event>| {
            // Also the daemon's own reading opens files.
            let is_open = |event: &Event| matches!(event.kind, EventKind::Access(AccessKind::Open(_)));
            if !event.as_ref().is_ok_and(is_open) {
                // Nobody hears it once the thread is gone, and the watcher goes with that.
                let _ = news.send(News::Event(event));
            }
        };
        let watcher = RecommendedWatcher::new(tell, Config::default())
            .and_then(with_a_thread)
            .inspect_err(|error| {
                warn!(
                    "changes of files are noticed later, for inotify is not to be had ({error}); \
                     raise fs.inotify.max_user_instances, or the limit of threads"
                );
            })
            .ok();
        Self { watcher, watched: BTreeMap::new(), refused: BTreeSet::new() }
    }

    /// Watches these directories and no other; gives those that were not watched before. One that is missing is left out.
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
            // The kernel may have dropped it with the directory.
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
                // Removed since it was looked at.
                Err(error) if matches!(error.kind, ErrorKind::PathNotFound) => {}
                Err(error) => {
                    if self.refused.insert(path.clone()) {
                        warn!(
                            "changes in {} are noticed later, for it cannot be watched ({error}); see to its \
                             permissions and to fs.inotify.max_user_watches",
                            path.display()
                        );
                    }
                }
            }
        }
        new
    }

    /// Lets go of all.
    pub(super) fn forget_all(&mut self) {
        for path in std::mem::take(&mut self.watched).into_keys() {
            if let Some(watcher) = &mut self.watcher {
                let _ = watcher.unwatch(&path);
            }
        }
    }
}

/// The watcher if it has its thread. The library hides that it got none, and then panics at each further call
/// and when it is dropped: all but this call, which asks the thread for something that it never does.
fn with_a_thread(mut watcher: RecommendedWatcher) -> notify::Result<RecommendedWatcher> {
    match watcher.configure(Config::default()) {
        Ok(_) => Ok(watcher),
        Err(error) => {
            mem::forget(watcher);
            Err(error)
        }
    }
}
