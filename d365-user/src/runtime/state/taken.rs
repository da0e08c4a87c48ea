//! Takes a snapshot of the state: reads the counters, and asks the kernel for the present attachments.

use std::{
    error::Error,
    sync::{PoisonError, atomic::Ordering::Relaxed},
};

use super::State;
use crate::{
    counters::PublishedState,
    kernel::{Attached, InterfaceCounts},
    process,
    published::{PublishedList, PublishedSource},
    snapshot::{Interface, Snapshot, SnapshotSource, SourceStatus, UNKNOWN_INTERFACE},
};

impl State {
    /// The number of the published generation, and its sources as [`list`](SnapshotSource::list) has them.
    pub(crate) fn shown(&self) -> (u64, Vec<PublishedSource>) {
        let number = self.published().generation().number;
        let updates = self.updates.lock().unwrap_or_else(PoisonError::into_inner);
        (number, updates.sources.iter().map(SourceStatus::published).collect())
    }
}

impl SnapshotSource for State {
    fn list(&self) -> PublishedList {
        let published = self.published();
        let updates = self.updates.lock().unwrap_or_else(PoisonError::into_inner);
        published.generation().list(&updates.sources)
    }

    fn snapshot(&self) -> Result<Snapshot, Box<dyn Error + Send + Sync>> {
        // The guard is held while the counters are read, so that no slot changes its owner meanwhile.
        let published = self.published();
        let live = self.live();
        let live = live.as_deref();
        let attached = |row: usize| live.and_then(|live| live.programs.get(row)?.attached.as_ref());
        let reads = self.counters.read(&published.slots())?;
        // With several rows, one more has the packets without an interface.
        let names = self.names().into_iter().chain([UNKNOWN_INTERFACE.to_owned()]);
        let rows = names.zip(reads).enumerate().filter(|(_, (name, _))| !name.is_empty());
        let interfaces = rows.map(|(row, (name, read))| Interface {
            tag_attached: self.tag_attached(live, row),
            reattached: self.reattached.get(row).map_or(0, |count| count.load(Relaxed)),
            ..interface(&published, &name, attached(row), read)
        });
        let mut interfaces: Vec<_> = interfaces
            .filter(|interface| interface.name != UNKNOWN_INTERFACE || has_counts(interface))
            .collect();
        // The order of the command line; then the others in the order of the rows.
        interfaces.sort_by_key(|interface| {
            let place = self.interfaces.names.iter().position(|name| *name == interface.name);
            place.unwrap_or(usize::MAX)
        });
        Ok(Snapshot {
            interfaces,
            interfaces_left_out: self.left_out.load(Relaxed),
            generation: published.generation().clone(),
            updates: self.updates.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            table: *self.table.lock().unwrap_or_else(PoisonError::into_inner),
            azure: self.azure.as_ref().map(|azure| azure.counted()),
            range_metrics: self.shows_ranges.load(Relaxed),
            http_failures: self.http.counted(),
            web_config_failures: self.http.web_config(),
            process: process::stats().ok(),
        })
    }
}

/// Builds one row as it is shown. `read` holds the row's counters of [`PublishedState::slots`].
fn interface(
    published: &PublishedState,
    name: &str,
    attached: Option<&Attached>,
    read: InterfaceCounts,
) -> Interface {
    let now = attached.and_then(Attached::now);
    let (ranges, retired) = published.counts(&read.ranges);
    let other = read.other.into_iter().map(|(class, packets)| (class.as_str(), packets));
    Interface {
        name: name.to_owned(),
        mode: now.or(attached.map(|attached| attached.mode)),
        attached: now.is_some(),
        ranges,
        gone: published.counts_of_gone(false, &read.ranges),
        retired,
        retired_gone: published.counts_of_gone(true, &read.ranges),
        unlisted: read.unlisted,
        other: other.collect(),
        actions: read.actions,
        tag_attached: None,
        reattached: 0,
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
