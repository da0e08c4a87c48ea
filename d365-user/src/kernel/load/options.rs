//! What the kernel object is loaded with. It must not ask where that comes from.

use crate::{config::Tags, kernel::Interface};

/// What the object is loaded with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The interfaces that it will be attached to, at most [`MAX_INTERFACES`](d365_common::names::MAX_INTERFACES).
    pub interfaces: Vec<Interface>,
    /// The watched ports, 1 to [`MAX_PORTS`](d365_common::names::MAX_PORTS).
    pub ports: Vec<u16>,
    /// Counter slots for each interface.
    pub capacity: u32,
    /// Pages of a direct table at most, up to [`MOST_PAGES`](d365_common::direct::MOST_PAGES). Each takes 2 KiB of the kernel's memory, 1 KiB a place.
    pub max_pages: u32,
    /// Have the tries asked for every source, and no direct table: to compare.
    pub trie_only: bool,
    /// Send a log record of each packet to a watched port.
    pub log_packets: bool,
    /// Sample the sources of unlisted segments that open a connection to a watched port: [`Kernel::samples`](super::Kernel::samples).
    pub watch: bool,
    /// The tags of vouched-for packets.
    pub tags: Tags,
    /// Whether new connections from unlisted sources are dropped: all that [`Kernel::set_failsafe`](super::Kernel::set_failsafe) does not name.
    pub drop_unlisted: bool,
}

impl Options {
    /// Whether anything is to be done besides counting.
    pub(super) const fn acts(&self) -> bool {
        self.tags.any() || self.log_packets || self.watch || self.drop_unlisted
    }
}

#[cfg(test)]
mod tests {
    use d365_common::{dscp::Dscp, mark::Mark};

    use super::*;

    #[test]
    fn whatever_is_done_besides_counting_is_asked_for() {
        let none = Options::default;
        let tags = |tags| Options { tags, ..none() };
        let all = [
            Options { log_packets: true, ..none() },
            Options { watch: true, ..none() },
            Options { drop_unlisted: true, ..none() },
            tags(Tags { mark: Some(Mark::DEFAULT), ..Tags::default() }),
            tags(Tags { dscp: Some(Dscp::DEFAULT), ..Tags::default() }),
        ];
        assert!(all.iter().all(Options::acts), "{all:?}");
        let only_counts =
            [none(), Options { trie_only: true, ..none() }, tags(Tags { retired: true, ..Tags::default() })];
        assert!(!only_counts.iter().any(Options::acts), "{only_counts:?}");
    }
}
