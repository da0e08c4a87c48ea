//! The state of the running daemon, and the snapshots taken of it.

mod taken;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use super::{
    attach::Programs,
    azure,
    interface::{Loss, Seen, look},
};
use crate::{
    config::{Config, Interfaces},
    counters::PublishedState,
    generation::TableSize,
    http,
    kernel::{Counters, DetachReason, Interface, InterfaceError, Links, MapIndexError, Report},
    ranges::RangeSet,
    settings::{RangeMetrics, Tags},
    snapshot::{Mode, Updates},
};

/// The kernel's part of the state.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) links: Links,
    /// The programs of each interface, in the order of the rows.
    pub(crate) programs: Vec<Programs>,
}

/// The data that a snapshot is taken of.
pub(crate) struct State {
    /// The name of each row of the counters; empty for a row that no interface has had yet.
    rows: Mutex<Vec<String>>,
    counters: Counters,
    /// The interfaces of the command line.
    interfaces: Interfaces,
    http: Arc<http::Failures>,
    range_metrics: RangeMetrics,
    /// True while series by range are shown.
    shows_ranges: AtomicBool,
    published: Mutex<PublishedState>,
    updates: Mutex<Updates>,
    table: Mutex<TableSize>,
    azure: Option<Arc<azure::Known>>,
    tags: Tags,
    /// Replaced as a whole, so that no thread holds the lock during a request to the kernel.
    live: Mutex<Option<Arc<Live>>>,
    /// Held during a look at all interfaces, and while programs are attached again.
    pass: Mutex<()>,
    /// For each row that needs it, the reason why its program cannot be attached again.
    problems: Mutex<BTreeMap<usize, String>>,
    /// For each row, the number of times that a program was attached after the start.
    reattached: Vec<AtomicU64>,
    /// Number of interfaces that match a pattern and are not watched.
    left_out: AtomicU64,
}

impl State {
    pub(crate) fn new(
        published: PublishedState,
        counters: Counters,
        rows: Vec<String>,
        config: &Config,
        http: Arc<http::Failures>,
        azure: Option<Arc<azure::Known>>,
    ) -> Self {
        Self {
            reattached: rows.iter().map(|_| AtomicU64::new(0)).collect(),
            rows: Mutex::new(rows),
            counters,
            interfaces: config.interfaces.clone(),
            http,
            range_metrics: config.range_metrics,
            shows_ranges: AtomicBool::new(true),
            published: Mutex::new(published),
            updates: Mutex::default(),
            table: Mutex::default(),
            azure,
            tags: config.tags,
            live: Mutex::default(),
            pass: Mutex::default(),
            problems: Mutex::default(),
            left_out: AtomicU64::new(0),
        }
    }

    pub(crate) fn set_updates(&self, updates: Updates) {
        *self.updates.lock().unwrap_or_else(PoisonError::into_inner) = updates;
    }

    /// Sets the size of the published generation's direct table.
    pub(crate) fn set_table(&self, table: TableSize) {
        *self.table.lock().unwrap_or_else(PoisonError::into_inner) = table;
    }

    /// Switches series by range on or off for a newly published list, depending on its number of ranges.
    pub(crate) fn follow_range_metrics(&self, set: &RangeSet) {
        let ranges = set.ranges().len() + set.retired().len();
        let shows = self.range_metrics.shows(ranges);
        if self.shows_ranges.swap(shows, Relaxed) == shows {
            return;
        }
        match (self.range_metrics, shows) {
            (RangeMetrics::Auto, false) => tracing::info!(
                ranges,
                limit = RangeMetrics::MOST,
                "metrics by range are off: the list is too long; --range-metrics on shows them all"
            ),
            (RangeMetrics::Auto, true) => tracing::info!(ranges, "metrics by range are on again"),
            _ => {}
        }
    }

    /// Stores the kernel's part once the list is published. Attachments follow.
    pub(crate) fn set_live(&self, live: Live) {
        *self.live.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(live));
    }

    /// The kernel's part; `None` until the first list is published.
    pub(super) fn live(&self) -> Option<Arc<Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the programs of a row.
    pub(super) fn set_programs(&self, row: usize, programs: Programs) {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(live) = live.as_mut() {
            Arc::make_mut(live).programs[row] = programs;
        }
    }

    /// Counts that everything on the interface of a row was attached after the start.
    pub(super) fn count_reattached(&self, row: usize) {
        self.reattached[row].fetch_add(1, Relaxed);
    }

    /// Sets the number of interfaces that match a pattern and are not watched.
    pub(super) fn set_left_out(&self, count: usize) {
        self.left_out.store(count as u64, Relaxed);
    }

    /// Locks the published state. A poisoned lock is used all the same: a reader that panicked has changed
    /// nothing in it.
    pub(crate) fn published(&self) -> MutexGuard<'_, PublishedState> {
        self.published.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns true if a report may concern a watched interface.
    pub(crate) fn is_concerned_by(&self, report: &Report) -> bool {
        let live = self.live();
        let programs = || live.iter().flat_map(|live| &live.programs);
        let mut indexes = programs().filter_map(|programs| Some(programs.attached.as_ref()?.interface.index));
        report.is_partial
            || indexes.any(|index| report.changed.contains(&index) || report.gone.contains(&index))
    }

    /// Looks at every interface and leaves those that must be left. If the kernel does not answer for one,
    /// its state in `before` is returned. While no interface has matched a pattern, the patterns count as a
    /// missing interface.
    pub(crate) fn look(&self, report: &Report, before: &[Seen]) -> Vec<Seen> {
        let known = |name: &str| before.iter().find(|seen| seen.name == name).cloned();
        let Some(live) = self.live() else { return Vec::new() };
        let problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let names = self.names();
        if names.iter().all(String::is_empty) {
            return vec![Seen::unmatched(&self.interfaces)];
        }
        let named = names.iter().enumerate().filter(|(_, name)| !name.is_empty());
        let looks = named.filter_map(|(row, name)| {
            let seen = self.look_at(&live, row, name, report).ok().or_else(|| known(name))?;
            let problem = problems.get(&row).filter(|_| seen.loss.is_some()).cloned();
            Some(Seen { problem, ..seen })
        });
        looks.collect()
    }

    /// Leaves the interfaces that the kernel reports as gone. It asks nothing about them.
    pub(super) fn leave_reported(&self, report: &Report) {
        let Some(live) = self.live() else { return };
        let attached = live.programs.iter().filter_map(|programs| programs.attached.as_ref());
        for attached in attached.filter(|attached| report.gone.contains(&attached.interface.index)) {
            live.links.detach(&attached.interface, DetachReason::Gone);
        }
    }

    /// Leaves every interface that is no longer in this network namespace.
    ///
    /// # Errors
    /// The kernel does not answer for an interface, which may then be here or not.
    pub(crate) fn leave_gone(&self) -> Result<(), InterfaceError> {
        let Some(live) = self.live() else { return Ok(()) };
        let report = Report::default();
        let mut rows = self.names().into_iter().enumerate();
        rows.try_for_each(|(row, name)| self.look_at(&live, row, &name, &report).map(drop))
    }

    /// Looks at the interface of a row, which has this name, and leaves it if it must be left.
    ///
    /// # Errors
    /// The kernel does not answer.
    pub(super) fn look_at(
        &self,
        live: &Live,
        row: usize,
        name: &str,
        report: &Report,
    ) -> Result<Seen, InterfaceError> {
        let Programs { attached, tagger } = &live.programs[row];
        let Some(attached) = attached else { return Ok(Seen::lost(name, Loss::Absent)) };
        if !attached.interface.is_present() {
            return Ok(Seen::lost(name, Loss::Left(DetachReason::Gone)));
        }
        let is_gone = report.gone.contains(&attached.interface.index);
        // A tc program counts as attached until the kernel answers otherwise.
        let is_marked = || match tagger {
            Some(tagger) => tagger.is_attached().unwrap_or(true),
            None => self.tags.mark.is_none() || attached.mode == Mode::Tc,
        };
        let seen = look(attached, &live.links, is_gone, is_marked)?;
        if seen.loss == Some(Loss::Left(DetachReason::Gone)) {
            let attached = Some(attached.clone().without_interface());
            self.set_programs(row, Programs { attached, tagger: None });
        }
        Ok(seen)
    }

    /// Holds off other looks and attachments, which would see each other's steps.
    pub(super) fn pass(&self) -> MutexGuard<'_, ()> {
        self.pass.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the reason why a row's program cannot be attached again. Returns true if it is another reason
    /// than before.
    pub(super) fn set_problem(&self, row: usize, problem: Option<&String>) -> bool {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match problem {
            Some(text) => problems.insert(row, text.clone()),
            None => problems.remove(&row),
        };
        before.as_ref() != problem
    }

    /// Returns true if the row's tc program is attached; `None` if packets are not marked or the kernel does
    /// not answer.
    fn tag_attached(&self, live: Option<&Live>, row: usize) -> Option<bool> {
        self.tags.mark?;
        let live = live?;
        match live.programs.get(row)? {
            Programs { tagger: Some(tagger), .. } => tagger.is_attached().ok(),
            Programs { attached: Some(attached), .. } => {
                Some(attached.tc().is_some() && attached.now().is_some())
            }
            Programs { attached: None, .. } => Some(false),
        }
    }

    /// The name of each row; empty for a row that no interface has had yet.
    pub(crate) fn names(&self) -> Vec<String> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The interface of each row that is watched and not gone.
    pub(super) fn watched(&self) -> Vec<Option<Interface>> {
        let live = self.live();
        let programs = live.iter().flat_map(|live| &live.programs);
        let interfaces = programs.map(|programs| programs.attached.as_ref().map(|own| own.interface.clone()));
        interfaces.map(|interface| interface.filter(Interface::is_present)).collect()
    }

    /// The interfaces with a program.
    pub(crate) fn attached(&self) -> Vec<Interface> {
        let live = self.live();
        let programs = live.iter().flat_map(|live| &live.programs);
        programs.filter_map(|programs| Some(programs.attached.as_ref()?.interface.clone())).collect()
    }

    /// The first row that no interface has had yet.
    pub(super) fn free_row(&self) -> Option<usize> {
        self.names().iter().position(String::is_empty)
    }

    /// Frees a row whose interface cannot be watched. Its counters begin at zero.
    ///
    /// # Errors
    /// The kernel's error for the row's name or its counters.
    pub(super) fn free_row_of(&self, row: usize) -> Result<(), MapIndexError> {
        self.counters.clear_row(u32::try_from(row).unwrap_or(u32::MAX))?;
        self.record_name(row, "")?;
        self.set_name(row, "");
        Ok(())
    }

    /// Records the name of a row for the next daemon.
    pub(super) fn record_name(&self, row: usize, name: &str) -> Result<(), MapIndexError> {
        self.counters.set_row_name(u32::try_from(row).unwrap_or(u32::MAX), name)
    }

    /// Returns true if a program was attached to the interface of a row.
    pub(super) fn has_program(&self, row: usize) -> bool {
        self.live().is_some_and(|live| live.programs[row].attached.is_some())
    }

    /// Gives a row that no interface has had yet to the interface with this name, for as long as the daemon
    /// runs: if another one had the row later, its counters would not begin at zero.
    pub(super) fn set_name(&self, row: usize, name: &str) {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)[row] = name.to_owned();
    }

    /// The interfaces of the command line.
    pub(super) fn interfaces(&self) -> &Interfaces {
        &self.interfaces
    }

    /// The counters.
    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }
}
