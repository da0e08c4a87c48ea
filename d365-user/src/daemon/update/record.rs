//! Keeps what was counted in the state directory, together with the pinned maps: written before anything changes hands,
//! so that whenever the daemon ends, the next one finds every count once.

use std::{path::PathBuf, sync::Arc, thread, time::Duration};

use sha2::{Digest as _, Sha256};

use crate::{
    daemon::{
        book::{Book, Draft, add_up},
        state::State,
    },
    kernel::{self, CounterIds, Counters, PinError},
    ledger::{Reading, Row},
    state::{
        StateDir, StateError,
        counters::{self, Maps, Stored},
    },
};

/// Where counts are kept.
pub(in crate::daemon) struct Record {
    directory: Option<Arc<StateDir>>,
    pins: PathBuf,
    /// Tells the pins of daemons with different state directories apart.
    owner: String,
    /// The maps that are counted in and pinned; `None` when a crash would lose their counts.
    maps: Option<Maps>,
    /// Whether the file says what the book says; together with the pinned maps it is then all that was counted.
    is_written: bool,
    /// How often something could not be kept or read before the updater ran.
    failures: u64,
}

/// How often the pinned maps are asked for what they count, and the time between: a kernel without memory may have some a
/// moment later.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(100);

/// Why the last counts are not known.
enum Unread {
    /// The kernel did not answer.
    NoAnswer(String),
    /// There is nothing that could be read.
    Gone(String),
}

impl Record {
    pub(in crate::daemon) fn new(directory: Option<Arc<StateDir>>, pins: PathBuf) -> Self {
        let path = directory.as_ref().map(|directory| {
            let path = directory.path();
            path.canonicalize().unwrap_or_else(|_| path.to_owned())
        });
        let name = path.unwrap_or_default().to_string_lossy().into_owned();
        let owner = Sha256::digest(name).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Self { directory, pins, owner, maps: None, is_written: false, failures: 0 }
    }

    /// What earlier daemons counted, wherever that is now. Nothing when some of it is lost: a total that is too small
    /// would go on as if it had gone back.
    pub(in crate::daemon) fn before(&mut self) -> Vec<Row> {
        let Some(directory) = &self.directory else { return Vec::new() };
        let path = directory.file(counters::FILE);
        let stored = match counters::load(directory).and_then(|found| found.whole(&path)) {
            Ok(Some(stored)) => stored,
            Ok(None) => return Vec::new(),
            Err(error) => {
                tracing::warn!("{error}: counters begin at zero");
                self.failures += 1;
                return Vec::new();
            }
        };
        let Some(maps) = stored.maps.clone() else { return stored.rows };
        match self.read_again_and_again(&stored, &maps) {
            Ok(rows) => {
                tracing::info!(
                    "the daemon before did not end by itself; its counts were read from the pinned maps"
                );
                rows
            }
            Err(reason) => {
                tracing::warn!(
                    "the daemon before did not end by itself, and what it counted is gone ({reason}): \
                     counters begin at zero"
                );
                Vec::new()
            }
        }
    }

    /// The last counts, asked for a few times: what is given up here is lost.
    fn read_again_and_again(&self, stored: &Stored, maps: &Maps) -> Result<Vec<Row>, String> {
        let mut left = TRIES;
        loop {
            left -= 1;
            match self.last_readings(stored, maps) {
                Err(Unread::NoAnswer(_)) if left > 0 => thread::sleep(PAUSE),
                Err(Unread::NoAnswer(reason) | Unread::Gone(reason)) => return Err(reason),
                Ok(rows) => return Ok(rows),
            }
        }
    }

    /// Adds up what the file says and what the pinned maps read.
    fn last_readings(&self, stored: &Stored, maps: &Maps) -> Result<Vec<Row>, Unread> {
        let gone = |reason: &str| Unread::Gone(reason.to_owned());
        let interfaces = u32::try_from(maps.interfaces.len()).map_err(|error| gone(&error.to_string()))?;
        let pinned = Counters::pinned(&self.pins, &self.owner, interfaces, maps.capacity);
        let pinned = pinned.map_err(|error| match error {
            PinError::Open { .. } => Unread::NoAnswer(error.to_string()),
            _ => Unread::Gone(error.to_string()),
        });
        let (ids, counters) = pinned?.ok_or_else(|| gone("no maps are pinned; was the host restarted?"))?;
        if (ids.ranges, ids.classes) != (maps.ranges, maps.classes) {
            return Err(gone("the pinned maps are others"));
        }
        let slots: Vec<u32> = stored.owners.iter().map(|(_, slot)| *slot).collect();
        let readings = counters.read(&slots).map_err(|error| Unread::NoAnswer(error.to_string()))?;
        let readings: Vec<_> = readings.into_iter().map(Reading::from).collect();
        Ok(add_up(stored, &maps.interfaces, &readings))
    }

    /// A new kernel object begins to count on top of `book`: its maps are pinned, if that can be.
    pub(in crate::daemon) fn begin(
        &mut self,
        book: &Book,
        counters: &Counters,
        interfaces: &[String],
        capacity: u32,
    ) {
        if self.directory.is_none() {
            return;
        }
        // Nothing is counted in the new maps yet: what the file says is all there is, whatever is pinned. When it cannot be
        // written there is none, and pins without a file are nobody's; the write below tells.
        let _ = self.write(&Stored::settled(book.ledger().rows().cloned().collect()));
        if let Err(error) = counters.pin(&self.pins, &self.owner) {
            tracing::info!("counters are not pinned: {error}; after a crash they begin at zero");
            self.lose();
            // One of the two may be pinned by now, and nobody will ask for it.
            if let Err(error) = kernel::unpin(&self.pins, &self.owner) {
                tracing::warn!("{error}");
            }
            return;
        }
        let CounterIds { ranges, classes } = counters.ids();
        self.maps = Some(Maps { ranges, classes, interfaces: interfaces.to_vec(), capacity });
        if let Err(error) = self.keep(self.of_book(book)) {
            tracing::warn!("{error}; until it is written, counters begin at zero after a crash");
            self.failures += 1;
        }
    }

    /// How often something could not be kept or read since the last question.
    pub(in crate::daemon) fn failures(&mut self) -> u64 {
        std::mem::take(&mut self.failures)
    }

    /// Whether counts that a crash should not lose are not written down.
    pub(in crate::daemon) fn is_behind(&self) -> bool {
        self.maps.is_some() && !self.is_written
    }

    /// What is to be written when the draft is about to be published: who will own which slot.
    pub(in crate::daemon) fn of_draft(&self, book: &Book, draft: &Draft) -> Option<Stored> {
        let maps = self.maps.clone()?;
        Some(Stored::running(maps, draft.owners(), book.ledger()))
    }

    /// What is to be written of what the book says now.
    pub(in crate::daemon) fn of_book(&self, book: &Book) -> Option<Stored> {
        let maps = self.maps.clone()?;
        Some(Stored::running(maps, book.owners(), book.ledger()))
    }

    /// Writes it. The book must not be held meanwhile: scrapes wait for it, and a disk may take its time.
    pub(in crate::daemon) fn keep(&mut self, stored: Option<Stored>) -> Result<(), StateError> {
        stored.map_or(Ok(()), |stored| self.write(&stored))
    }

    /// Nothing is counted any more: everything goes into the file, and the pins go. Where that cannot be, the file that is
    /// there and the pins stay, as a crash would leave them.
    pub(in crate::daemon) fn end(mut self, state: &State) {
        let Some(directory) = &self.directory else { return };
        // Taken first and written then: scrapes wait for the book, and a disk may take its time.
        let settled = {
            let book = state.book();
            state.last_readings(&book).map(|readings| Stored::settled(book.settle(&readings)))
        };
        let saved = settled
            .map_err(|error| error.to_string())
            .and_then(|settled| counters::save(directory, &settled).map_err(|error| error.to_string()));
        match saved {
            Ok(()) => self.unpin(),
            Err(error) if self.maps.is_some() && self.is_written => {
                tracing::warn!("{error}; the next start finds the counts in the pinned maps");
            }
            Err(error) => {
                tracing::error!("{error}; counters begin at zero at the next start");
                self.lose();
                self.unpin();
            }
        }
    }

    /// What is in the file is too little by now.
    fn lose(&self) {
        let removed = self.directory.as_ref().map_or(Ok(()), |directory| directory.remove(counters::FILE));
        if let Err(error) = removed {
            tracing::error!("{error}; remove it by hand");
        }
    }

    fn unpin(&mut self) {
        if self.maps.take().is_some()
            && let Err(error) = kernel::unpin(&self.pins, &self.owner)
        {
            tracing::warn!("{error}");
        }
    }

    /// Writes the file; when that fails there is none, for the old one would say too little.
    fn write(&mut self, stored: &Stored) -> Result<(), StateError> {
        let Some(directory) = &self.directory else { return Ok(()) };
        let saved = counters::save(directory, stored);
        self.is_written = saved.is_ok();
        saved.inspect_err(|_| self.lose())
    }
}
