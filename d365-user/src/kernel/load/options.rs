//! Options for loading the kernel object. This module must not know where the values come from.

use d365_common::names::MAX_INTERFACES;

use crate::{
    kernel::{Interface, error::LoadError},
    settings::Tags,
};

/// Options for loading the kernel object.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The interfaces that the program will be attached to, at most
    /// [`MAX_INTERFACES`](d365_common::names::MAX_INTERFACES).
    pub interfaces: Vec<Interface>,
    /// The watched ports, 1 to [`MAX_PORTS`](d365_common::names::MAX_PORTS).
    pub ports: Vec<u16>,
    /// Counter slots for each interface.
    pub capacity: u32,
    /// Maximum number of pages of a direct table, up to [`MOST_PAGES`](d365_common::direct::MOST_PAGES). Each
    /// page takes 2 KiB of the kernel's memory: 1 KiB for each of the two buffers.
    pub max_pages: u32,
    /// True to look up every source in the tries, without a direct table. This is for comparisons.
    pub trie_only: bool,
    /// True to send a log record of each packet to a watched port.
    pub log_packets: bool,
    /// True to sample the sources of unlisted segments that open a connection to a watched port:
    /// [`Kernel::samples`](super::Kernel::samples).
    pub watch: bool,
    /// The tags of trusted packets.
    pub tags: Tags,
    /// True to drop new connections from unlisted sources, except from the prefixes that
    /// [`Kernel::set_failsafe`](super::Kernel::set_failsafe) sets.
    pub drop_unlisted: bool,
}

/// Checks that a number is from 1 to `most`.
pub(super) fn count(what: &'static str, count: usize, most: usize) -> Result<u8, LoadError> {
    let number = u8::try_from(count).ok().filter(|_| (1..=most).contains(&count));
    number.ok_or(LoadError::TooMany { what, count, most })
}

impl Options {
    /// The number of interfaces.
    ///
    /// # Errors
    /// [`LoadError::TooMany`] unless it is from 1 to [`MAX_INTERFACES`].
    pub(super) fn interface_count(&self) -> Result<u8, LoadError> {
        count("interfaces", self.interfaces.len(), MAX_INTERFACES)
    }

    /// Returns true if the program does more than count. The mark is the tc programs'.
    pub(super) const fn has_actions(&self) -> bool {
        self.tags.dscp.is_some() || self.log_packets || self.watch || self.drop_unlisted
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
            tags(Tags { dscp: Some(Dscp::DEFAULT), ..Tags::default() }),
        ];
        assert!(all.iter().all(Options::has_actions), "{all:?}");
        let only_counts = [
            none(),
            Options { trie_only: true, ..none() },
            tags(Tags { retired: true, ..Tags::default() }),
            tags(Tags { mark: Some(Mark::DEFAULT), ..Tags::default() }),
        ];
        assert!(!only_counts.iter().any(Options::has_actions), "{only_counts:?}");
    }
}
