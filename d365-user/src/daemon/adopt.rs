//! Takes over what an earlier daemon left: its links, its counters and the owners of their slots. It changes
//! nothing on an interface that the daemon watches.

use super::StartError;
use crate::{
    config::Config,
    counters::{PendingGeneration, PublishedState, assign_rows, row_names, slots_for},
    kernel::{Counters, Inherited, Interface, InterfaceError, Store},
    ranges::RangeSet,
};

/// The earlier daemon's part of this daemon.
pub(super) struct Adoption {
    pub(super) inherited: Inherited,
    pub(super) counters: Counters,
    /// Names of the counters' rows.
    pub(super) rows: Vec<String>,
    /// It shows the ranges of the first generation already.
    pub(super) published: PublishedState,
    /// The first generation.
    pub(super) pending: PendingGeneration,
}

/// Adopts, and prepares the first generation with the list `set`.
///
/// # Errors
/// [`StartError`]; the programs of the earlier daemon stay on the interfaces that this one would watch.
pub(super) fn adopt(config: &Config, set: &RangeSet) -> Result<Adoption, StartError> {
    let store =
        if config.keep_attached { Store::of_pins(&config.pin_dir)? } else { Store::of_service_manager() };
    let mut inherited = Inherited::take(store)?;
    let capacity = slots_for(config.max_ranges);
    let interfaces = u32::try_from(config.interfaces.len()).unwrap_or(u32::MAX);
    let (counters, owners) = inherited.counters(interfaces, capacity)?;
    let indexes = indexes(&config.interfaces)?;
    inherited.close(|index| !indexes.contains(&index), "its interface is not watched any more");
    let rows = rows(&config.interfaces, &counters)?;
    let mut published = PublishedState::new(capacity, owners);
    let pending = published.pending(set)?;
    published.preview(&pending);
    Ok(Adoption { inherited, counters, rows, published, pending })
}

/// The indexes of these interfaces, without those that do not exist.
fn indexes(interfaces: &[String]) -> Result<Vec<u32>, InterfaceError> {
    let found = interfaces.iter().map(|name| match Interface::find(name) {
        Err(InterfaceError::NotFound { .. }) => Ok(None),
        found => found.map(|interface| Some(interface.index)),
    });
    found.filter_map(Result::transpose).collect()
}

/// Gives a row of the counters to each interface. Returns the names of the rows. No program counts in a row
/// that gets another interface: the links of interfaces that are not watched any more are closed before.
fn rows(interfaces: &[String], counters: &Counters) -> Result<Vec<String>, StartError> {
    let kept = counters.row_names()?;
    let wanted = row_names(&assign_rows(&kept[..interfaces.len()], interfaces));
    for (row, (before, name)) in (0..).zip(kept.iter().zip(&wanted)) {
        if before == name {
            continue;
        }
        // A row without a name was never counted in.
        if !before.is_empty() {
            counters.clear_row(row)?;
        }
        counters.set_row_name(row, name)?;
    }
    Ok(wanted)
}
