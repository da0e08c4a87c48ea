//! Saves the counts in the state directory, together with the pinned maps. The file is written before the
//! change that it describes, so that the next daemon finds every count once, whenever this one ends.

use std::{path::PathBuf, sync::Arc, thread, time::Duration};

use sha2::{Digest as _, Sha256};

use crate::{
    counters::{
        CounterSample, Row,
        published::{PendingGeneration, PublishedState, add_up},
        stored::{self, Maps, Stored},
    },
    kernel::{self, CounterError, CounterIds, Counters, PinError},
    state::{StateDir, StateError, Storage},
};

/// The place of the counts: a file and the pinned maps.
pub(crate) struct Record {
    storage: Option<Storage>,
    pins: PathBuf,
    /// Distinguishes the pins of daemons with different state directories, including those of other hosts and
    /// containers.
    owner: String,
    /// The maps in use; `None` if a crash loses their counts.
    counted: Option<Counted>,
    /// True if the file matches the published state. Together with the pinned maps it then holds all counts.
    is_written: bool,
    /// Number of failures to save or load since they were last taken.
    failures: u64,
}

/// The maps that the kernel program counts in.
struct Counted {
    maps: Maps,
    counters: Arc<Counters>,
    /// True while they are pinned. They are not pinned while a write hangs: it may leave an older list in the
    /// file.
    is_pinned: bool,
}

/// Attempts to read the pinned maps, and the pause between them: the kernel may be short of memory for a
/// moment only.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(100);

/// The reason for which the last counts are unknown.
enum Unread {
    /// The kernel did not answer.
    NoAnswer(String),
    /// There is nothing to read.
    Gone(String),
}

impl Record {
    pub(crate) fn new(storage: Option<Storage>, pins: PathBuf) -> Self {
        let owner = storage.as_ref().map(|storage| {
            let path = storage.path();
            let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
            // A path alone may be the same in two containers that share a bpffs.
            let identity = storage.load(StateDir::identity).ok();
            let name = format!("{} {identity:?}", path.display());
            Sha256::digest(name).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
        });
        let owner = owner.unwrap_or_default();
        Self { storage, pins, owner, counted: None, is_written: false, failures: 0 }
    }

    /// The counts of earlier daemons, from the file and the pinned maps. It returns nothing if a part of them
    /// is lost: a total that is too small would look to Prometheus like an enormous increase, zero does not.
    pub(crate) fn before(&mut self) -> Vec<Row> {
        let Some(storage) = &self.storage else { return Vec::new() };
        let path = storage.file(stored::FILE);
        let stored = match storage.load(stored::load).and_then(|found| found.into_result(&path)) {
            Ok(Some(stored)) => stored,
            Ok(None) => return Vec::new(),
            Err(error) => {
                tracing::warn!(%error, "the saved counts cannot be read: counters begin at zero");
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
            Err(error) => {
                tracing::warn!(
                    %error,
                    "the daemon before did not end by itself, and what it counted is gone: counters begin at zero"
                );
                Vec::new()
            }
        }
    }

    /// Reads the last counts in a few attempts: counts that are given up here are lost.
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

    /// Adds up the counts in the file and the values of the pinned maps.
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
        let readings: Vec<_> = readings.into_iter().map(CounterSample::from).collect();
        Ok(add_up(stored, &maps.interfaces, &readings))
    }

    /// Starts to count on top of `published` with a new kernel object, and pins its maps if possible.
    pub(crate) fn begin(
        &mut self,
        published: &PublishedState,
        counters: &Arc<Counters>,
        interfaces: &[String],
        capacity: u32,
    ) {
        if self.storage.is_none() {
            return;
        }
        // The new maps have counted nothing yet, so the file alone holds all counts, whatever is pinned. If
        // it cannot be written it is removed, and pins without a file belong to nobody; the write below
        // reports it.
        let _ = self.write(Stored::settled(published.totals().rows().cloned().collect()));
        if let Err(error) = counters.pin(&self.pins, &self.owner) {
            match &error {
                PinError::NoBpffs { .. } => {
                    tracing::info!(%error, "counters are not pinned: after a crash they begin at zero");
                }
                _ => tracing::warn!(%error, "counters are not pinned: after a crash they begin at zero"),
            }
            self.lose();
            // One of the two maps may be pinned by now, and nobody will read it.
            if !matches!(error, PinError::Refused { .. })
                && let Err(error) = kernel::unpin(&self.pins, &self.owner)
            {
                tracing::warn!(%error, "a pinned map stays");
            }
            return;
        }
        let CounterIds { ranges, classes } = counters.ids();
        let maps = Maps { ranges, classes, interfaces: interfaces.to_vec(), capacity };
        self.counted = Some(Counted { maps, counters: Arc::clone(counters), is_pinned: true });
        if let Some(Err(error)) = self.of_published(published).map(|stored| self.write(stored)) {
            tracing::warn!(%error, "the counts are not saved: until they are, counters begin at zero after a crash");
            self.failures += 1;
        }
    }

    /// The number of failures to save or load since the last call.
    pub(crate) fn failures(&mut self) -> u64 {
        std::mem::take(&mut self.failures)
    }

    /// Returns true if counts that a crash should not lose are not saved.
    pub(crate) fn is_behind(&self) -> bool {
        self.counted.is_some() && !self.is_written
    }

    /// The contents of the file before the pending generation is published: the future owner of each slot.
    pub(crate) fn of_pending(
        &self,
        published: &PublishedState,
        pending: &PendingGeneration,
    ) -> Option<Stored> {
        let maps = self.counted.as_ref()?.maps.clone();
        Some(Stored::running(maps, pending.owners(), published.totals()))
    }

    /// The contents of the file for the published state.
    pub(crate) fn of_published(&self, published: &PublishedState) -> Option<Stored> {
        let maps = self.counted.as_ref()?.maps.clone();
        Some(Stored::running(maps, published.owners(), published.totals()))
    }

    /// Writes the file, and logs and counts a failure. The caller must not hold the published state
    /// meanwhile: scrapes wait for it, and a disk may take its time.
    pub(crate) fn keep(&mut self, stored: Option<Stored>) {
        if let Some(Err(error)) = stored.map(|stored| self.write(stored)) {
            tracing::warn!(%error, "the counts are not saved: if the daemon crashes, counters begin at zero");
            self.failures += 1;
        }
    }

    /// Ends the counting: writes all counts into the file and removes the pins. If that fails and the old
    /// file matches the pinned maps, both stay, as a crash would leave them. Otherwise both are removed.
    ///
    /// `totals` holds all counts. The caller has read them without a lock on the published state that a slow
    /// disk could prolong.
    pub(crate) fn end(mut self, totals: Result<Vec<Row>, CounterError>) {
        let Some(storage) = self.storage.clone() else { return };
        let save = |settled| storage.run(move |directory| stored::save(directory, &settled));
        let saved = totals
            .map_err(|error| error.to_string())
            .and_then(|totals| save(Stored::settled(totals)).map_err(|error| error.to_string()));
        match saved {
            Ok(()) => self.unpin(),
            Err(error)
                if self.is_written && self.counted.as_ref().is_some_and(|counted| counted.is_pinned) =>
            {
                tracing::warn!(%error, "the counts are not saved: the next start finds them in the pinned maps");
            }
            Err(error) => {
                tracing::error!(%error, "the counts are not saved: counters begin at zero at the next start");
                self.lose();
                self.unpin();
            }
        }
    }

    /// Removes the file, because it holds too little by now. Returns true if it is gone.
    fn lose(&self) -> bool {
        let Some(storage) = &self.storage else { return true };
        if storage.is_late() {
            return false;
        }
        let removed = storage.run(|directory| directory.remove(stored::FILE));
        removed
            .inspect_err(|error| tracing::error!(%error, "an old file of counts stays; remove it by hand"))
            .is_ok()
    }

    fn unpin(&mut self) {
        if self.counted.take().is_some_and(|counted| counted.is_pinned)
            && let Err(error) = kernel::unpin(&self.pins, &self.owner)
        {
            tracing::warn!(%error, "the pinned maps stay");
        }
    }

    /// Writes the file. If that fails the file is removed, because the old one would hold too little. If it
    /// cannot be removed, the maps are not pinned until it is written: a file without its maps is of no use.
    fn write(&mut self, stored: Stored) -> Result<(), StateError> {
        let Some(storage) = &self.storage else { return Ok(()) };
        let saved = storage.run(move |directory| stored::save(directory, &stored));
        self.is_written = saved.is_ok();
        match &saved {
            Ok(()) => self.set_pinned(true),
            Err(StateError::Hung { .. }) => self.set_pinned(false),
            Err(_) if !self.lose() => self.set_pinned(false),
            Err(_) => {}
        }
        saved
    }

    fn set_pinned(&mut self, is_pinned: bool) {
        let Some(counted) = self.counted.as_mut().filter(|counted| counted.is_pinned != is_pinned) else {
            return;
        };
        let changed = if is_pinned {
            counted.counters.pin(&self.pins, &self.owner)
        } else {
            kernel::unpin(&self.pins, &self.owner)
        };
        match changed {
            Ok(()) => counted.is_pinned = is_pinned,
            Err(error) => tracing::warn!(%error, "the maps are not pinned or unpinned"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two containers may have the same path and share a bpffs.
    #[test]
    fn the_owner_of_pins_is_one_directory_and_not_one_path() {
        let path = std::env::temp_dir().join(format!("d365-record-{}", std::process::id()));
        let owner = || {
            let storage = Storage::start(crate::state_files::open(&path).unwrap()).unwrap();
            Record::new(Some(storage), PathBuf::new()).owner
        };
        // The first directory exists until the end, so that no other directory gets its inode.
        let moved = path.with_extension("moved");
        let first = owner();
        std::fs::rename(&path, &moved).unwrap();
        let second = owner();
        std::fs::remove_dir(&path).unwrap();
        std::fs::rename(&moved, &path).unwrap();
        assert_eq!((first.len(), second.len()), (8, 8));
        assert_ne!(first, second);
        // The storage's thread may still be ending, and holds the lock until then.
        let again = (0..50).find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            let storage = Storage::start(crate::state_files::open(&path).ok()?).ok()?;
            Some(Record::new(Some(storage), PathBuf::new()).owner)
        });
        assert_eq!(again, Some(first));
        std::fs::remove_dir(&path).unwrap();
    }
}
