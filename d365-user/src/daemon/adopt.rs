//! Takes over what an earlier daemon left: its links, its counters and the owners of their slots. It changes
//! nothing on an interface that the daemon watches.

use std::os::fd::OwnedFd;

use super::{StartError, check::check};
use crate::{
    config::{Config, Interfaces},
    counters::{PendingGeneration, PublishedState, assign_rows, slots_for},
    kernel::{Counters, Inherited, Interface, Kernel, Store},
    ranges::RangeSet,
};

/// The earlier daemon's part of this daemon.
pub(super) struct Adoption {
    pub(super) inherited: Inherited,
    pub(super) counters: Counters,
    /// The name of each row of the counters; empty for a row without an interface.
    pub(super) rows: Vec<String>,
    /// It shows the ranges of the first generation already.
    pub(super) published: PublishedState,
    /// The first generation.
    pub(super) pending: PendingGeneration,
}

/// Adopts, and prepares the first generation with the list `set`. `passed` has the descriptors of the service
/// manager.
///
/// # Errors
/// [`StartError`]; the programs of the earlier daemon stay on the interfaces that this one would watch. If an
/// interface cannot be watched, nothing changes.
pub(super) fn adopt(
    config: &Config,
    set: &RangeSet,
    passed: Vec<(String, OwnedFd)>,
) -> Result<Adoption, StartError> {
    let store =
        if config.keep_attached { Store::of_pins(&config.pin_dir)? } else { Store::of_service_manager() };
    let mut inherited = Inherited::take(store, passed)?;
    let watched = check(config, &inherited)?;
    let capacity = slots_for(config.max_ranges);
    let row_count = u32::try_from(config.interfaces.rows()).unwrap_or(u32::MAX);
    let (counters, owners) = inherited.counters(row_count, capacity)?;
    let is_watched = |index| watched.iter().any(|interface| interface.index == index);
    inherited.close(|index| !is_watched(index), "its interface is not watched any more");
    let rows = rows(&config.interfaces, &watched, &counters)?;
    let mut published = PublishedState::new(capacity, owners);
    let pending = published.pending(set)?;
    published.preview(&pending);
    Ok(Adoption { inherited, counters, rows, published, pending })
}

/// Gives a row of the counters to each interface of the command line, and to each that matches a pattern and
/// had one before. Returns the names of the rows. No program counts in a row that gets another interface: the
/// links of interfaces that are not watched any more are closed before, and the filter of a killed daemon is
/// removed.
fn rows(
    interfaces: &Interfaces,
    watched: &[Interface],
    counters: &Counters,
) -> Result<Vec<String>, StartError> {
    let mut kept = counters.row_names()?;
    kept.truncate(interfaces.rows());
    let is_known = |name: &&String| {
        !interfaces.names.contains(name) && watched.iter().any(|interface| interface.name == **name)
    };
    let room = interfaces.rows() - interfaces.names.len();
    let known: Vec<String> = kept.iter().filter(is_known).take(room).cloned().collect();
    let rows = assign_rows(&kept, &[&interfaces.names[..], &known].concat());
    for (row, (before, name)) in (0..).zip(kept.iter().zip(&rows)) {
        if before == name {
            continue;
        }
        // A row without a name was never counted in.
        if !before.is_empty() {
            Interface::find(before).iter().for_each(Kernel::remove_stale_filters);
            counters.clear_row(row)?;
        }
        counters.set_row_name(row, name)?;
    }
    Ok(rows)
}
