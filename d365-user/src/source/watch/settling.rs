//! Decides when a file is another one than before, and whole: from what was heard of it and what looks at it showed. Pure:
//! it reads no clock and no file.

use std::time::{Duration, Instant};

use notify::{
    EventKind,
    event::{AccessKind, AccessMode, ModifyKind},
};

use super::place::Identity;

/// What an event says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Another file is at the path now, whole, or none is.
    Placed,
    /// A file came to be at the path: made there by a writer, or linked.
    Created,
    /// Its content was written to or cut off.
    Written,
    /// Somebody who could write has closed it.
    Closed,
    /// Something else about it changed, such as who may read it.
    Touched,
}

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writer {
    Nobody,
    /// Whoever made it, if it was not linked: then it is not empty.
    Maker,
    Somebody,
}

/// One file.
#[derive(Debug)]
pub(super) struct Settling {
    settle: Duration,
    /// What it was when it last was told of.
    believed: Option<Identity>,
    /// What the last look showed.
    seen: Option<Identity>,
    writer: Writer,
    /// Whether anything was heard since the last look.
    heard: bool,
    /// When it will have settled, unless something happens.
    due: Option<Instant>,
}

impl Heard {
    /// `None` for what changes nothing, most of all for readers.
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
    /// A file that is believed as it is, or as it is absent.
    pub(super) const fn new(settle: Duration, identity: Option<Identity>) -> Self {
        let (believed, seen) = (identity, identity);
        Self { settle, believed, seen, writer: Writer::Nobody, heard: false, due: None }
    }

    /// Takes note of an event.
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

    /// Nothing that was heard counts any more: the path leads to another file, or events were lost. What is there has
    /// settled when it is still the same after `patience`.
    pub(super) fn distrust(&mut self, now: Instant, patience: Duration) {
        self.writer = Writer::Nobody;
        self.heard = false;
        self.due = self.due.map(|_| now + patience);
    }

    /// Takes note of what is at the path; whether it is to be told of. What is new without a word has settled when it is
    /// still the same after `patience`.
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

    /// When to look, if nothing happens before; `None` when there is nothing to wait for, or for a writer only.
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
