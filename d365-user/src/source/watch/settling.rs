//! Decides when a file has changed and is complete, from the events and from the looks at it. Pure: it reads
//! no clock and no file.

use std::time::{Duration, Instant};

use notify::{
    EventKind,
    event::{AccessKind, AccessMode, ModifyKind},
};

use super::place::Identity;

/// The meaning of an event for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// The path now has another file, which is complete, or no file.
    Placed,
    /// A writer created the file, or a link put it at the path.
    Created,
    /// The content was written or truncated.
    Written,
    /// A process that could write has closed the file.
    Closed,
    /// Something else about the file changed, such as its permissions.
    Touched,
}

/// The process that may still write to the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writer {
    Nobody,
    /// The process that created the file, while the file is empty. A file that is not empty was linked, and
    /// is complete.
    Maker,
    Somebody,
}

/// The state of one watched file.
#[derive(Debug)]
pub(super) struct Settling {
    settle: Duration,
    /// The identity at the last report, or at the start.
    believed: Option<Identity>,
    /// The identity that the last look found.
    seen: Option<Identity>,
    writer: Writer,
    /// True if an event has arrived since the last look.
    heard: bool,
    /// The time at which the file will have settled, if nothing else happens.
    due: Option<Instant>,
}

impl Heard {
    /// Returns `None` for an event that changes nothing, most often an event of a reader.
    pub(super) fn of(kind: &EventKind) -> Option<Self> {
        match kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(Self::Closed),
            EventKind::Access(_) => None,
            EventKind::Create(_) => Some(Self::Created),
            EventKind::Modify(ModifyKind::Data(_)) => Some(Self::Written),
            EventKind::Modify(ModifyKind::Metadata(_)) => Some(Self::Touched),
            EventKind::Any | EventKind::Modify(_) | EventKind::Remove(_) | EventKind::Other => {
                Some(Self::Placed)
            }
        }
    }
}

impl Settling {
    /// Starts with the file as it is, present or absent. This state is not reported.
    pub(super) const fn new(settle: Duration, identity: Option<Identity>) -> Self {
        let (believed, seen) = (identity, identity);
        Self { settle, believed, seen, writer: Writer::Nobody, heard: false, due: None }
    }

    /// Handles an event.
    pub(super) fn hear(&mut self, heard: Heard, now: Instant) {
        match heard {
            Heard::Placed | Heard::Closed => self.writer = Writer::Nobody,
            Heard::Created => self.writer = Writer::Maker,
            Heard::Written => self.writer = Writer::Somebody,
            Heard::Touched => {}
        }
        self.heard = true;
        self.due = Some(now + self.settle);
    }

    /// Ignores all events so far, because the path leads to another file or events were lost. A file that was
    /// about to settle has now settled if it is still the same after `patience`.
    pub(super) fn distrust(&mut self, now: Instant, patience: Duration) {
        self.writer = Writer::Nobody;
        self.heard = false;
        self.due = self.due.map(|_| now + patience);
    }

    /// Takes the result of a look. Returns true if the file is to be reported. A change without an event has
    /// settled if the file is still the same after `patience`.
    pub(super) fn look(&mut self, seen: Option<Identity>, now: Instant, patience: Duration) -> bool {
        if seen != self.seen && !self.heard {
            self.due = Some(now + patience);
        }
        self.seen = seen;
        self.heard = false;
        if self.due().is_none_or(|due| due > now) {
            return false;
        }
        self.due = None;
        let changed = self.seen != self.believed;
        self.believed = self.seen;
        changed
    }

    /// The time of the next look, if no event arrives before. `None` if there is nothing to wait for, or only
    /// a writer.
    pub(super) fn due(&self) -> Option<Instant> {
        let written = match self.writer {
            Writer::Nobody => false,
            Writer::Maker => self.seen.is_some_and(|seen| seen.is_empty()),
            Writer::Somebody => true,
        };
        self.due.filter(|_| !written)
    }
}

#[cfg(test)]
mod tests;
