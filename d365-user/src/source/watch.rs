//! Reports when a file of ranges has changed. The watch does not read the content of a file and decides
//! nothing about it. The receiver of the report reads the file, and rejects content that cannot be parsed.
//!
//! **When.** The watch follows symbolic links and compares files by device, inode, size, modification time
//! and change time. It reports a file that differs from the last report, or that was removed, or that exists
//! again. The file must also have settled:
//! - no event has arrived for a while, and
//! - no writer has the file open, as far as inotify shows. A write without a close after it means that a
//!   process still writes, however long it pauses. A file whose writer never closes it is never reported. A
//!   rename or a link into place is complete at once.
//!
//! **Limits of inotify.** It does not report writes through a memory mapping, writes on another host of a
//! network file system, and writes by a path through a directory that is not watched. It also does not show
//! which of two writers has closed a file. Therefore the thread looks at the files every [`POLL`] as well,
//! and this also works without inotify. A change that only such a look shows is reported if the next look
//! finds the same file.
//!
//! The watch is on directories, not on files: the directory of the path, and the directory of the file that
//! it leads to.

use std::{
    path::PathBuf,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    time::{Duration, Instant},
};

use notify::Event;

use self::{
    directories::Directories,
    place::Place,
    settling::{Heard, Settling},
};
use crate::resources::{self, ResourceError};

mod directories;
mod place;
mod settling;

/// Interval between two looks at the files without an event.
pub const POLL: Duration = Duration::from_secs(5);

/// A watch of files. It ends when it is dropped.
#[derive(Debug)]
pub struct Watch {
    news: Sender<News>,
}

/// A message that wakes up the thread.
enum News {
    Event(notify::Result<Event>),
    Stop,
}

impl Watch {
    /// Watches `files`, and calls `changed` with the index of a file each time that the file has changed and
    /// settled. A file has settled after `settle` (some hundred milliseconds) without an event.
    ///
    /// Call this before the first reading of the files, because a change is a difference from their state at
    /// this call. Neither a file nor its directory needs to exist. The first look may hang, as `stat` does on
    /// a file system without its server. This function then returns after [`POLL`], and each file counts as
    /// changed when that look is done. `changed` runs on a thread of its own and should return at once.
    ///
    /// # Errors
    /// [`ResourceError::Thread`]. A directory that cannot be watched is no error: the log reports it once,
    /// and its files are looked at every [`POLL`].
    pub fn start(
        files: Vec<PathBuf>,
        settle: Duration,
        changed: impl FnMut(usize) + Send + 'static,
    ) -> Result<Self, ResourceError> {
        Self::polling(files, settle, POLL, changed)
    }

    fn polling(
        files: Vec<PathBuf>,
        settle: Duration,
        poll: Duration,
        changed: impl FnMut(usize) + Send + 'static,
    ) -> Result<Self, ResourceError> {
        let (news, heard) = channel();
        let own = news.clone();
        let (begun, has_begun) = channel();
        let watch = move || {
            // Created on this thread, because inotify's own thread shares the descriptors of its creator.
            let directories = Directories::new(own);
            let mut watching = Watching::new(files, settle, poll, directories, changed);
            if begun.send(()).is_err() {
                // The caller did not wait for the first look. It may have read a file before this look, so
                // each file counts as changed.
                (0..watching.files.len()).for_each(|index| (watching.changed)(index));
            }
            watching.run(&heard);
        };
        resources::thread_apart("watch", "watch the files of ranges", watch)?;
        // If the first look takes longer, the thread reports each file as changed afterwards.
        let _ = has_begun.recv_timeout(POLL);
        Ok(Self { news })
    }
}

/// Stops the thread, but does not wait for it, because it may be waiting for a file system. A call of
/// `changed` that is already on its way still comes.
impl Drop for Watch {
    fn drop(&mut self) {
        // The send fails only if the thread has already stopped.
        let _ = self.news.send(News::Stop);
    }
}

struct Watching<C> {
    files: Vec<(Place, Settling)>,
    directories: Directories,
    settle: Duration,
    poll: Duration,
    next_poll: Instant,
    changed: C,
}

impl<C: FnMut(usize)> Watching<C> {
    fn new(
        files: Vec<PathBuf>,
        settle: Duration,
        poll: Duration,
        mut directories: Directories,
        changed: C,
    ) -> Self {
        let places: Vec<_> = files.into_iter().map(Place::new).collect();
        // The directories are watched before the first look, so no change in between is missed.
        directories.follow(places.iter().flat_map(Place::directories));
        let settling = |place: &Place| Settling::new(settle, place.identity());
        let files = places
            .into_iter()
            .map(|place| {
                let file = settling(&place);
                (place, file)
            })
            .collect();
        Self { files, directories, settle, poll, next_poll: Instant::now() + poll, changed }
    }

    fn run(&mut self, news: &Receiver<News>) {
        loop {
            let due = self.files.iter().filter_map(|(_, file)| file.due()).chain([self.next_poll]).min();
            let wait = due.map_or(self.poll, |due| due.saturating_duration_since(Instant::now()));
            let mut first = match news.recv_timeout(wait) {
                Ok(news) => Some(news),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let mut moved = None;
            while let Some(one) = first.take().or_else(|| news.try_recv().ok()) {
                match one {
                    News::Event(event) => moved = moved.max(self.hear(event)),
                    News::Stop => return,
                }
            }
            let now = Instant::now();
            if now >= self.next_poll {
                self.next_poll = now + self.poll;
                moved = Some(self.poll);
            }
            if let Some(patience) = moved {
                self.follow(now, patience);
                self.look(now, patience, |_| true);
            } else {
                self.look(now, self.settle, |file| file.due().is_some_and(|due| due <= now));
            }
        }
    }

    /// Handles an event. If paths may lead elsewhere after it, returns the time for which the file found
    /// there must stay the same.
    fn hear(&mut self, event: notify::Result<Event>) -> Option<Duration> {
        let event = match event {
            Ok(event) if !event.need_rescan() => event,
            // Events were lost, so nothing is known about writers and directories.
            _ => {
                self.directories.forget_all();
                return Some(self.poll);
            }
        };
        let heard = Heard::of(&event.kind)?;
        let moved = matches!(heard, Heard::Placed | Heard::Created);
        let now = Instant::now();
        for path in &event.paths {
            for (_, file) in self.files.iter_mut().filter(|(place, _)| place.is_at(path)) {
                file.hear(heard, now);
            }
        }
        moved.then_some(self.settle)
    }

    /// Watches the directories that the paths lead through now. For a file whose path now leads elsewhere, or
    /// whose directory was not watched before, no writer is known.
    fn follow(&mut self, now: Instant, patience: Duration) {
        let elsewhere: Vec<bool> = self.files.iter_mut().map(|(place, _)| place.follow()).collect();
        let new = self.directories.follow(self.files.iter().flat_map(|(place, _)| place.directories()));
        for ((place, file), elsewhere) in self.files.iter_mut().zip(elsewhere) {
            if elsewhere || place.directories().any(|directory| new.contains(directory)) {
                file.distrust(now, patience);
            }
        }
    }

    /// Looks at files and reports those that have changed and settled.
    fn look(&mut self, now: Instant, patience: Duration, which: impl Fn(&Settling) -> bool) {
        for (index, (place, file)) in self.files.iter_mut().enumerate() {
            if which(file) && file.look(place.identity(), now, patience) {
                (self.changed)(index);
            }
        }
    }
}

#[cfg(test)]
mod tests;
