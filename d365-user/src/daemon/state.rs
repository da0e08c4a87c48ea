//! What the daemon knows while it runs, and the snapshot taken of it.

use std::{error::Error, net::SocketAddr, sync::OnceLock};

use crate::{
    kernel::{Attached, Counters, InterfaceCounts},
    process,
    ranges::RangeSet,
    snapshot::{Generation, Interface, Snapshot, SnapshotSource},
};

/// Label of the row of packets that name none of the interfaces. `/` is in no interface's name.
const STRANGERS: &str = "other/unknown";

/// The kernel's part, once everything is attached.
pub(super) struct Live {
    pub(super) counters: Counters,
    pub(super) attached: Vec<Attached>,
}

/// Everything that a snapshot is taken of.
pub(super) struct State {
    generation: Generation,
    interfaces: Vec<String>,
    listen: SocketAddr,
    live: OnceLock<Live>,
}

impl State {
    pub(super) fn new(set: &RangeSet, interfaces: &[String], listen: SocketAddr) -> Self {
        let names: Vec<&str> = set.origins().iter().map(|origin| origin.name.as_str()).collect();
        let generation = Generation {
            number: 0,
            source: names.join(","),
            change_number: set.origins().iter().find_map(|origin| origin.change_number),
            digest: set.digest(),
            ranges: set.ranges().to_vec(),
        };
        Self { generation, interfaces: interfaces.to_vec(), listen, live: OnceLock::new() }
    }

    /// Everything is published and attached. Only the first call counts.
    pub(super) fn set_live(&self, live: Live) {
        let _ = self.live.set(live);
    }

    /// What is counted when nothing is attached yet: nothing.
    fn idle(&self) -> Vec<Interface> {
        self.interfaces.iter().map(|name| interface(name, None, InterfaceCounts::default())).collect()
    }

    fn live(&self, live: &Live) -> Result<Vec<Interface>, Box<dyn Error + Send + Sync>> {
        let slots = u32::try_from(self.generation.ranges.len())?;
        let mut attached = live.attached.iter();
        let rows = live.counters.read(slots)?.into_iter();
        let interfaces = rows.map(|counts| match attached.next() {
            Some(attached) => interface(&attached.interface.name, Some(attached), counts),
            None => interface(STRANGERS, None, counts),
        });
        Ok(interfaces.filter(|interface| interface.name != STRANGERS || has_counts(interface)).collect())
    }
}

impl SnapshotSource for State {
    fn snapshot(&self) -> Result<Snapshot, Box<dyn Error + Send + Sync>> {
        let live = self.live.get();
        let interfaces = match live {
            Some(live) => self.live(live)?,
            None => self.idle(),
        };
        Ok(Snapshot {
            generation: Generation { number: live.is_some().into(), ..self.generation.clone() },
            interfaces,
            listen: Some(self.listen),
            process: process::stats().ok(),
        })
    }
}

fn interface(name: &str, attached: Option<&Attached>, counts: InterfaceCounts) -> Interface {
    let now = attached.and_then(Attached::now);
    Interface {
        name: name.to_owned(),
        attachment: now.or(attached.map(|attached| attached.attachment)),
        attached: now.is_some(),
        ranges: counts.ranges,
        unlisted: counts.unlisted,
        other: counts.other.into_iter().map(|(class, packets)| (class.as_str(), packets)).collect(),
    }
}

fn has_counts(interface: &Interface) -> bool {
    interface.ranges.iter().chain([&interface.unlisted]).any(|count| count.packets > 0)
        || interface.other.iter().any(|(_, packets)| *packets > 0)
}
