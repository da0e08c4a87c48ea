//! Tells when a file of ranges has become another one. It reads no file's content and decides nothing about it: whoever is
//! told reads the file, and what cannot be parsed is refused there.
//!
//! **When.** The file that the path leads to, through symbolic links, is not the one that was believed last (device, inode,
//! size, times of modification and of change), or it is gone, or there again; and it has settled:
//! - nothing was heard of it for a while, and
//! - no writer has it open, as far as inotify tells: a write without a close after it means that somebody still writes,
//!   however long the pause. A writer that never closes is never believed. A rename or a link into place is whole at once.
//!
//! **What inotify does not tell:** writes through a memory mapping, on another host of a network file system, or by a path
//! through a directory that is not watched; and which of two writers has closed. For those, and where inotify is not to be
//! had, the files are looked at every [`POLL`], and one that only a look shows to be another is believed when the next look
//! finds it the same.
//!
//! Watched are the directories, not the files: that of the path, and that of the file it leads to.

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

/// How often files are looked at without a cause.
pub const POLL: Duration = Duration::from_secs(5);

/// Files being watched, until it is dropped.
#[derive(Debug)]
pub struct Watch {
    news: Sender<News>,
}

/// What the thread wakes up for.
enum News {
    Event(notify::Result<Event>),
    Stop,
}

impl Watch {
    /// Watches `files`, and calls `changed` with a file's place among them each time that it has become another one and has
    /// settled, which takes `settle` (some hundred milliseconds) of silence.
    ///
    /// Files are compared with what they are now, so this comes before the first reading of them. Neither a file nor its
    /// directory needs to be there. Where the first look hangs as `stat` does on a file system without its server, this
    /// returns after [`POLL`] without it, and each file counts as changed when the look is done. `changed` runs on a thread
    /// of its own: it should return at once.
    ///
    /// # Errors
    /// [`ResourceError::Thread`]. Directories that cannot be watched are no error: the log says it once, and
    /// their files are looked at every [`POLL`].
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
            // Here, for inotify's own thread shares this one's descriptors.
            let directories = Directories::new(own);
            let mut watching = Watching::new(files, settle, poll, directories, changed);
            if begun.send(()).is_err() {
                // Nobody waited: what was read meanwhile may be older than what was looked at.
                (0..watching.files.len()).for_each(|index| (watching.changed)(index));
            }
            watching.run(&heard);
        };
        resources::thread_apart("watch", "watch the files of ranges", watch)?;
        // A look that takes longer is made up for by the thread.
        let _ = has_begun.recv_timeout(POLL);
        Ok(Self { news })
    }
}

/// Tells the thread to stop and does not wait for it, for it may be waiting for a file system: a call that is on its way
/// still comes.
impl Drop for Watch {
    fn drop(&mut self) {
        // It can only have stopped already.
        let _ = self.news.send(News::Stop);
    }
}

/// What the thread has.
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
        // Watched first and looked at then: nothing in between is missed.
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

    /// Takes note of an event. When paths may lead elsewhere after it: how long what is found there must stay the same.
    fn hear(&mut self, event: notify::Result<Event>) -> Option<Duration> {
        let event = match event {
            Ok(event) if !event.need_rescan() => event,
            // Events are lost, so that nothing is known of writers nor of directories.
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

    /// Watches the directories that the paths lead through now. Of a file that is another one by that, or that nobody
    /// watched, no writer is known.
    fn follow(&mut self, now: Instant, patience: Duration) {
        let elsewhere: Vec<bool> = self.files.iter_mut().map(|(place, _)| place.follow()).collect();
        let new = self.directories.follow(self.files.iter().flat_map(|(place, _)| place.directories()));
        for ((place, file), elsewhere) in self.files.iter_mut().zip(elsewhere) {
            if elsewhere || place.directories().any(|directory| new.contains(directory)) {
                file.distrust(now, patience);
            }
        }
    }

    /// Looks at files and tells of those that have changed and settled.
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
