//! The state of the running daemon, and the snapshots taken of it.

use std::{
    error::Error,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use super::{
    azure,
    book::{Book, row_names},
    watch::{self, Seen},
};
use crate::{
    config::{self, Config, RangeMetrics},
    generation::TableSize,
    http,
    kernel::{Attached, CounterError, Counters, InterfaceCounts, InterfaceError, Links, Report, Tagger},
    ledger::Reading,
    process,
    ranges::RangeSet,
    snapshot::{Count, Drops, Interface, Snapshot, SnapshotSource, Tags, UNKNOWN_INTERFACE, Updates},
};

/// The kernel's part of the state, set once everything is attached.
pub(super) struct Live {
    pub(super) counters: Arc<Counters>,
    pub(super) links: Links,
    pub(super) attached: Vec<Attached>,
    /// The tc programs in the order of the interfaces; empty if packets are not marked.
    pub(super) taggers: Vec<Tagger>,
}

/// The data that a snapshot is taken of.
pub(super) struct State {
    /// Names of the kernel's rows.
    rows: Vec<String>,
    listen: SocketAddr,
    http: Arc<http::Failures>,
    range_metrics: RangeMetrics,
    /// True while series by range are shown.
    shows_ranges: AtomicBool,
    book: Mutex<Book>,
    updates: Mutex<Updates>,
    table: Mutex<TableSize>,
    azure: Option<Arc<azure::Known>>,
    tags: Tags,
    drops: Mutex<Option<Drops>>,
    live: OnceLock<Live>,
}

impl State {
    pub(super) fn new(
        book: Book,
        config: &Config,
        listen: SocketAddr,
        http: Arc<http::Failures>,
        azure: Option<Arc<azure::Known>>,
    ) -> Self {
        let config::Tags { mark, dscp, retired, order: _ } = config.tags;
        Self {
            rows: row_names(&config.interfaces),
            listen,
            http,
            range_metrics: config.range_metrics,
            shows_ranges: AtomicBool::new(true),
            book: Mutex::new(book),
            updates: Mutex::default(),
            table: Mutex::default(),
            azure,
            tags: Tags { mark, dscp, retired },
            drops: Mutex::default(),
            live: OnceLock::new(),
        }
    }

    pub(super) fn set_updates(&self, updates: Updates) {
        *self.updates.lock().unwrap_or_else(PoisonError::into_inner) = updates;
    }

    pub(super) fn set_drops(&self, drops: Drops) {
        *self.drops.lock().unwrap_or_else(PoisonError::into_inner) = Some(drops);
    }

    /// Sets the size of the published generation's direct table.
    pub(super) fn set_table(&self, table: TableSize) {
        *self.table.lock().unwrap_or_else(PoisonError::into_inner) = table;
    }

    /// Switches series by range on or off for a newly published list, depending on its number of ranges.
    pub(super) fn follow_range_metrics(&self, set: &RangeSet) {
        let ranges = set.ranges().len() + set.retired().len();
        let shows = self.range_metrics.shows(ranges);
        if self.shows_ranges.swap(shows, Relaxed) == shows {
            return;
        }
        match (self.range_metrics, shows) {
            (RangeMetrics::Auto, false) => tracing::info!(
                "metrics by range are off: the list has {ranges} ranges, more than {}; --range-metrics on shows them all",
                RangeMetrics::MOST
            ),
            (RangeMetrics::Auto, true) => tracing::info!("metrics by range are on again: {ranges} ranges"),
            _ => {}
        }
    }

    /// Stores the kernel's part once everything is published and attached. Only the first call has an effect.
    pub(super) fn set_live(&self, live: Live) {
        let _ = self.live.set(live);
    }

    /// Locks the book. A poisoned lock is used all the same: a reader that panicked has changed nothing in
    /// it.
    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns true if a report may concern a watched interface.
    pub(super) fn is_concerned_by(&self, report: &Report) -> bool {
        let attached = self.live.get().map_or(&[][..], |live| &live.attached);
        let indexes = || attached.iter().map(|attached| attached.interface.index);
        report.is_partial
            || indexes().any(|index| report.changed.contains(&index) || report.gone.contains(&index))
    }

    /// Looks at every interface and leaves those that must be left. If the kernel does not answer for one,
    /// its state in `before` is returned.
    pub(super) fn look(&self, report: &Report, before: &[Seen]) -> Vec<Seen> {
        let known = |name: &str| before.iter().find(|seen| seen.name == name).cloned();
        self.looks(report).filter_map(|(name, seen)| seen.ok().or_else(|| known(name))).collect()
    }

    /// Leaves every interface that is no longer in this network namespace.
    ///
    /// # Errors
    /// The kernel does not answer for an interface, which may then be here or not.
    pub(super) fn leave_gone(&self) -> Result<(), InterfaceError> {
        self.looks(&Report::default()).try_for_each(|(_, seen)| seen.map(drop))
    }

    fn looks(&self, report: &Report) -> impl Iterator<Item = (&str, Result<Seen, InterfaceError>)> {
        let rows = self
            .live
            .get()
            .into_iter()
            .flat_map(|live| live.attached.iter().enumerate().map(move |row| (live, row)));
        rows.map(move |(live, (row, attached))| {
            let is_gone = report.gone.contains(&attached.interface.index);
            // A tc program counts as attached until the kernel answers otherwise.
            let is_marked =
                || live.taggers.get(row).is_none_or(|tagger| tagger.is_attached().unwrap_or(true));
            (attached.interface.name.as_str(), watch::look(attached, &live.links, is_gone, is_marked))
        })
    }

    /// Returns true if the row's tc program is attached; `None` if packets are not marked or the kernel does
    /// not answer.
    fn tag_attached(&self, row: usize) -> Option<bool> {
        self.live.get()?.taggers.get(row)?.is_attached().ok()
    }

    /// Reads the counters of these slots, by row. Returns no row before the counters exist.
    fn read(&self, slots: &[u32]) -> Result<Vec<InterfaceCounts>, CounterError> {
        self.live.get().map_or_else(|| Ok(Vec::new()), |live| live.counters.read(slots))
    }

    /// Reads the counters of these slots without the classes.
    pub(super) fn read_slots(&self, slots: &[u32]) -> Result<Vec<Vec<Count>>, CounterError> {
        Ok(self.read(slots)?.into_iter().map(|row| row.ranges).collect())
    }

    /// Reads the counters of every slot that has an owner.
    pub(super) fn last_readings(&self, book: &Book) -> Result<Vec<Reading>, CounterError> {
        let slots: Vec<u32> = book.owners().iter().map(|(_, slot)| *slot).collect();
        Ok(self.read(&slots)?.into_iter().map(Reading::from).collect())
    }
}

impl SnapshotSource for State {
    fn snapshot(&self) -> Result<Snapshot, Box<dyn Error + Send + Sync>> {
        // The guard is held while the counters are read, so that no slot changes its owner meanwhile.
        let book = self.book();
        let live = self.live.get();
        let attached = |row: usize| live.and_then(|live| live.attached.get(row));
        let mut reads = self.read(book.slots())?;
        reads.resize_with(self.rows.len(), InterfaceCounts::default);
        let rows = self.rows.iter().zip(reads).enumerate();
        let interfaces = rows.map(|(row, (name, read))| Interface {
            tag_attached: self.tag_attached(row),
            ..interface(&book, row, name, attached(row), read)
        });
        let interfaces =
            interfaces.filter(|interface| interface.name != UNKNOWN_INTERFACE || has_counts(interface));
        Ok(Snapshot {
            interfaces: interfaces.collect(),
            generation: book.generation().clone(),
            updates: self.updates.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            table: *self.table.lock().unwrap_or_else(PoisonError::into_inner),
            azure: self.azure.as_ref().map(|azure| azure.counted()),
            tags: self.tags,
            drops: self.drops.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            range_metrics: self.shows_ranges.load(Relaxed),
            http_failures: self.http.counted(),
            listen: Some(self.listen),
            process: process::stats().ok(),
        })
    }
}

/// Builds one row as it is shown. `read` holds the kernel's counters of [`Book::slots`].
pub(super) fn interface(
    book: &Book,
    row: usize,
    name: &str,
    attached: Option<&Attached>,
    read: InterfaceCounts,
) -> Interface {
    let now = attached.and_then(Attached::now);
    let (ranges, retired) = book.counts(row, &read.ranges);
    let other = read
        .other
        .into_iter()
        .map(|(class, packets)| (class.as_str(), book.ledger().other(row, class.as_str(), packets)));
    let actions = read
        .actions
        .into_iter()
        .map(|(action, packets)| (action, book.ledger().other(row, action.as_str(), packets)));
    Interface {
        name: name.to_owned(),
        attachment: now.or(attached.map(|attached| attached.attachment)),
        attached: now.is_some(),
        ranges,
        carried: book.carried(row, false, &read.ranges),
        retired,
        retired_carried: book.carried(row, true, &read.ranges),
        unlisted: book.ledger().unlisted(row, read.unlisted),
        other: other.collect(),
        actions: actions.collect(),
        tag_attached: None,
    }
}

fn has_counts(interface: &Interface) -> bool {
    interface
        .ranges
        .iter()
        .chain(&interface.retired)
        .chain([&interface.unlisted])
        .any(|count| count.packets > 0)
        || interface.other.iter().any(|(_, packets)| *packets > 0)
}

impl From<InterfaceCounts> for Reading {
    fn from(counts: InterfaceCounts) -> Self {
        let classes = counts.other.into_iter().map(|(class, packets)| (class.as_str(), packets));
        let actions = counts.actions.into_iter().map(|(action, packets)| (action.as_str(), packets));
        Self { owners: counts.ranges, unlisted: counts.unlisted, other: classes.chain(actions).collect() }
    }
}
