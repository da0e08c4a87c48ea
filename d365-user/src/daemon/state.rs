//! What the daemon knows while it runs, and the snapshot taken of it.

use std::{
    error::Error,
    net::SocketAddr,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use super::book::Book;
use crate::{
    kernel::{Attached, CounterError, Counters, InterfaceCounts},
    process,
    snapshot::{Count, Interface, STRANGERS, Snapshot, SnapshotSource, Updates},
};

/// The kernel's part, once everything is attached.
pub(super) struct Live {
    pub(super) counters: Counters,
    pub(super) attached: Vec<Attached>,
}

/// Everything that a snapshot is taken of.
pub(super) struct State {
    interfaces: Vec<String>,
    listen: SocketAddr,
    book: Mutex<Book>,
    live: OnceLock<Live>,
}

impl State {
    pub(super) fn new(book: Book, interfaces: &[String], listen: SocketAddr) -> Self {
        Self { interfaces: interfaces.to_vec(), listen, book: Mutex::new(book), live: OnceLock::new() }
    }

    /// Everything is published and attached. Only the first call counts.
    pub(super) fn set_live(&self, live: Live) {
        let _ = self.live.set(live);
    }

    /// The book, for as long as the guard lives. A reader that panicked has changed nothing in it.
    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The interfaces whose attachment is lost.
    pub(super) fn lost(&self) -> Vec<String> {
        let attached = self.live.get().map_or(&[][..], |live| &live.attached);
        let lost = attached.iter().filter(|attached| attached.now().is_none());
        lost.map(|attached| attached.interface.name.clone()).collect()
    }

    /// What the counters of these slots read, by row; nothing before they are there.
    pub(super) fn read(&self, slots: &[u32]) -> Result<Vec<InterfaceCounts>, CounterError> {
        self.live.get().map_or_else(|| Ok(Vec::new()), |live| live.counters.read(slots))
    }
}

impl SnapshotSource for State {
    fn snapshot(&self) -> Result<Snapshot, Box<dyn Error + Send + Sync>> {
        // Held while the counters are read: no slot changes its owner meanwhile.
        let book = self.book();
        let live = self.live.get();
        let attached = |row: usize| live.and_then(|live| live.attached.get(row));
        let mut rows = self.read(book.slots())?;
        rows.resize_with(rows.len().max(self.interfaces.len()), InterfaceCounts::default);
        let interfaces = rows.into_iter().enumerate().map(|(row, read)| {
            let name = self.interfaces.get(row).map_or(STRANGERS, String::as_str);
            let carried = book.ledger().carried(row).collect();
            interface(name, attached(row), book.counts(row, &read.ranges), carried, read)
        });
        let interfaces = interfaces.filter(|interface| interface.name != STRANGERS || has_counts(interface));
        Ok(Snapshot {
            interfaces: interfaces.collect(),
            generation: book.generation().clone(),
            updates: Updates::default(),
            azure: None,
            listen: Some(self.listen),
            process: process::stats().ok(),
        })
    }
}

fn interface(
    name: &str,
    attached: Option<&Attached>,
    ranges: Vec<Count>,
    carried: Vec<(crate::ranges::Geo, Count)>,
    read: InterfaceCounts,
) -> Interface {
    let now = attached.and_then(Attached::now);
    Interface {
        name: name.to_owned(),
        attachment: now.or(attached.map(|attached| attached.attachment)),
        attached: now.is_some(),
        ranges,
        carried,
        retired: Vec::new(),
        retired_carried: Vec::new(),
        unlisted: read.unlisted,
        other: read.other.into_iter().map(|(class, packets)| (class.as_str(), packets)).collect(),
    }
}

fn has_counts(interface: &Interface) -> bool {
    interface.ranges.iter().chain([&interface.unlisted]).any(|count| count.packets > 0)
        || interface.other.iter().any(|(_, packets)| *packets > 0)
}
