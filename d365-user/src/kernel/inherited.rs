//! The descriptors of an earlier daemon: its links and the counters' maps.
//!
//! A descriptor that is not what its name says is closed and reported, and the store drops it.

use std::{
    collections::BTreeMap,
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
};

use aya::maps::MapData;
use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};

use super::{
    bpf::{self, LinkInfo},
    counters::{Counters, MAPS},
    error::LoadError,
    store::{Store, StoreError},
};
use crate::{generation::CounterKey, settings::TcOrder};

/// The links and maps that an earlier daemon left for this one.
#[derive(Default)]
pub struct Inherited {
    store: Store,
    links: Vec<InheritedLink>,
    maps: BTreeMap<String, MapData>,
}

/// A link of an earlier daemon, with its name in the store.
struct InheritedLink {
    name: String,
    info: LinkInfo,
    fd: OwnedFd,
}

/// The name of an XDP link in the store.
pub(super) fn xdp_name(ifindex: u32) -> String {
    format!("xdp-{ifindex}")
}

/// The name of a tcx link in the store. A link keeps its place among the others, so the place is in the name.
pub(super) fn tcx_name(ifindex: u32, order: TcOrder) -> String {
    match order {
        TcOrder::First => format!("tcx-first-{ifindex}"),
        TcOrder::Last => format!("tcx-last-{ifindex}"),
    }
}

impl Inherited {
    /// Takes the descriptors out of the store.
    ///
    /// # Errors
    /// [`StoreError`] if a pin cannot be opened.
    pub fn take(store: Store) -> Result<Self, StoreError> {
        let kept = store.take()?;
        let mut inherited = Self { store, ..Self::default() };
        for (name, fd) in kept {
            if let Err(error) = inherited.sort_in(&name, fd) {
                tracing::warn!(name, %error, "a descriptor of an earlier daemon is of no use and is closed");
                inherited.store.remove(&name);
            }
        }
        Ok(inherited)
    }

    fn sort_in(&mut self, name: &str, fd: OwnedFd) -> io::Result<()> {
        if MAPS.contains(&name) {
            let map = MapData::from_fd(fd).map_err(io::Error::other)?;
            return match self.maps.insert(name.to_owned(), map) {
                None => Ok(()),
                Some(_) => Err(io::Error::other("two descriptors have this name")),
            };
        }
        let info = bpf::link_info(fd.as_fd())?.ok_or_else(|| io::Error::other("it is no XDP or tcx link"))?;
        if info.ifindex == 0 {
            return Err(io::Error::other("its interface is gone, or somebody else detached it"));
        }
        let own_names = if info.is_tcx {
            [TcOrder::First, TcOrder::Last].map(|order| tcx_name(info.ifindex, order)).to_vec()
        } else {
            vec![xdp_name(info.ifindex)]
        };
        if !own_names.iter().any(|own| own == name) {
            return Err(io::Error::other(format!("it should have the name {}", own_names.join(" or "))));
        }
        self.links.push(InheritedLink { name: name.to_owned(), info, fd });
        Ok(())
    }

    /// True if an earlier daemon's link holds this program.
    #[must_use]
    pub fn holds(&self, program: u32) -> bool {
        self.links.iter().any(|link| link.info.program == program)
    }

    /// The program of the link with this name.
    pub(super) fn program(&self, name: &str) -> Option<u32> {
        self.links.iter().find(|link| link.name == name).map(|link| link.info.program)
    }

    /// Replaces the program of the link with this name, and returns the link: each packet is seen by the old
    /// program or by the new one. `None` if there is no such link, or if the kernel refuses; the old program
    /// is then detached.
    pub(super) fn replace(&mut self, name: &str, program: BorrowedFd<'_>) -> Option<OwnedFd> {
        let at = self.links.iter().position(|link| link.name == name)?;
        let link = self.links.swap_remove(at);
        match bpf::update_link(link.fd.as_fd(), program) {
            Ok(()) => Some(link.fd),
            Err(error) => {
                tracing::warn!(
                    link = name,
                    %error,
                    "the program of the earlier daemon cannot be replaced; it is detached, and the new one attached"
                );
                self.store.remove(name);
                None
            }
        }
    }

    /// The counters for this number of interfaces, with `capacity` slots each: those of the earlier daemon if
    /// they have this shape, otherwise new ones. From then on the store holds them. Also returns the owners
    /// of the slots, which new counters do not have.
    ///
    /// # Errors
    /// [`LoadError`] if new maps cannot be created.
    pub fn counters(
        &mut self,
        interfaces: u32,
        capacity: u32,
    ) -> Result<(Counters, Vec<(CounterKey, u32)>), LoadError> {
        let earlier = std::mem::take(&mut self.maps);
        if !earlier.is_empty() {
            let adopted = Counters::adopt(earlier, interfaces, capacity);
            match adopted.and_then(|counters| counters.owners().map(|owners| (counters, owners))) {
                Ok(adopted) => return Ok(adopted),
                Err(error) => {
                    tracing::warn!(
                        error,
                        "the counters of the earlier daemon do not fit; counters begin at zero"
                    );
                    MAPS.iter().for_each(|name| self.store.remove(name));
                }
            }
        }
        // Kernels before 5.11 count maps towards this limit. If it cannot be raised, creating a map reports
        // it.
        let _ = setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY);
        let counters = Counters::create(interfaces, capacity)
            .map_err(|source| LoadError::or_missing(|| LoadError::Object(Box::new(source.into()))))?;
        let kept = counters.each(|name, map| self.store.keep(name, map.fd().as_fd()));
        if let Err(error) = kept {
            tracing::warn!(%error, "counters begin at zero after a restart");
        }
        Ok((counters, Vec::new()))
    }

    /// Closes the links of the interfaces with such an index: their programs are detached.
    pub fn close(&mut self, is_such: impl Fn(u32) -> bool, reason: &str) {
        for link in self.links.extract_if(.., |link| is_such(link.info.ifindex)) {
            tracing::info!(link = link.name, reason, "the program of the earlier daemon is detached");
            self.store.remove(&link.name);
        }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> Store {
        self.store.clone()
    }
}
