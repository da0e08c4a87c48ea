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
    role::Role,
    store::{Store, StoreError},
};
use crate::generation::CounterKey;

/// The links and maps that an earlier daemon left for this one. The default value is that of a daemon that
/// runs: nothing is left for it any more.
#[derive(Default)]
pub struct Inherited {
    store: Store,
    is_start: bool,
    links: Vec<InheritedLink>,
    maps: BTreeMap<String, MapData>,
}

/// A link of an earlier daemon.
struct InheritedLink {
    role: Role,
    info: LinkInfo,
    fd: OwnedFd,
}

impl InheritedLink {
    /// Its name in the store.
    fn name(&self) -> String {
        self.role.name(self.info.ifindex)
    }
}

impl Inherited {
    /// Takes the descriptors out of the store. `passed` has those of the service manager.
    ///
    /// # Errors
    /// [`StoreError`] if a pin cannot be opened.
    pub fn take(store: Store, passed: Vec<(String, OwnedFd)>) -> Result<Self, StoreError> {
        let kept = store.take(passed)?;
        let mut inherited = Self { store, is_start: true, ..Self::default() };
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
        match Role::of(name, info.ifindex).filter(|role| role.is_tc() == info.is_tcx) {
            Some(role) => self.links.push(InheritedLink { role, info, fd }),
            None => {
                let (kind, index) = (if info.is_tcx { "a tcx" } else { "an XDP" }, info.ifindex);
                return Err(io::Error::other(format!(
                    "it is {kind} link on the interface with index {index}"
                )));
            }
        }
        Ok(())
    }

    /// True if an earlier daemon's link holds this program.
    #[must_use]
    pub fn holds(&self, program: u32) -> bool {
        self.links.iter().any(|link| link.info.program == program)
    }

    /// The program of an interface's link with this role.
    pub(super) fn program(&self, ifindex: u32, role: Role) -> Option<u32> {
        self.position(ifindex, role).map(|at| self.links[at].info.program)
    }

    fn position(&self, ifindex: u32, role: Role) -> Option<usize> {
        self.links.iter().position(|link| link.info.ifindex == ifindex && link.role == role)
    }

    /// Replaces the program of an interface's link with this role, and returns the link: each packet is seen
    /// by the old program or by the new one. `None` if there is no such link, or if the kernel refuses; the
    /// old program is then detached.
    pub(super) fn replace(&mut self, ifindex: u32, role: Role, program: BorrowedFd<'_>) -> Option<OwnedFd> {
        let link = self.links.swap_remove(self.position(ifindex, role)?);
        match bpf::update_link(link.fd.as_fd(), program) {
            Ok(()) => Some(link.fd),
            Err(error) => {
                tracing::warn!(
                    link = link.name(),
                    %error,
                    "the program of the earlier daemon cannot be replaced; it is detached, and the new one attached"
                );
                self.detach(&link);
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
        self.close_links(|link| is_such(link.info.ifindex), reason);
    }

    /// Closes the links of an interface whose role or program does not fit.
    pub(super) fn close_unfit(&mut self, ifindex: u32, reason: &str, fits: impl Fn(Role, u32) -> bool) {
        self.close_links(|link| link.info.ifindex == ifindex && !fits(link.role, link.info.program), reason);
    }

    /// True if a tc program of an earlier daemon counts on an interface.
    #[must_use]
    pub fn counts_by_tc(&self, ifindex: u32) -> bool {
        let is_such = |link: &InheritedLink| link.role.is_tc() && link.role.counts();
        self.links.iter().any(|link| link.info.ifindex == ifindex && is_such(link))
    }

    /// True at a start: a filter with the name of ours is then taken for one of a killed daemon.
    #[must_use]
    pub fn is_start(&self) -> bool {
        self.is_start
    }

    fn close_links(&mut self, is_such: impl Fn(&InheritedLink) -> bool, reason: &str) {
        for link in self.links.extract_if(.., |link| is_such(link)).collect::<Vec<_>>() {
            tracing::info!(link = link.name(), reason, "the program of the earlier daemon is detached");
            self.detach(&link);
        }
    }

    /// Detaches the program of a link at once: the store holds the link for a moment longer, and two programs
    /// would count each packet twice.
    fn detach(&self, link: &InheritedLink) {
        // A link whose interface is gone cannot be detached, and need not be.
        let _ = bpf::detach_link(link.fd.as_fd());
        self.store.remove(&link.name());
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> Store {
        self.store.clone()
    }
}
