//! The links that hold the programs on interfaces. The owner of the kernel object and the thread that watches
//! interfaces share them.
//!
//! When the daemon has to leave an interface, the owner may be publishing or waiting for a disk. So any
//! holder of a clone can drop any link. This module must not attach anything, and it never detaches a program
//! of another owner.

use std::{
    fmt,
    os::fd::{AsFd as _, OwnedFd},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{bpf, interface::Interface, role::Role, store::Store, tc::OwnFilter};

/// The reason why the daemon itself left an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DetachReason {
    /// The interface is no longer in this network namespace: it was deleted, or moved to another one.
    Gone,
    /// Its packets begin with another header than before.
    Header,
    /// In generic mode each packet would be classified twice.
    SeenTwice,
}

impl fmt::Display for DetachReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "deleted, or moved to another network namespace",
            Self::Header => "its packets begin with another header than before",
            Self::SeenTwice => "an ifb device hands its packets back, and each would be classified twice",
        })
    }
}

/// A program on an interface. Dropping the link detaches the program, unless the store holds it too.
pub(super) enum Link {
    /// A BPF link.
    Bpf(OwnedFd),
    /// A filter of the `clsact` qdisc.
    #[expect(dead_code, reason = "held to be dropped")]
    Filter(OwnFilter),
}

/// A link on an interface.
struct Held {
    ifindex: u32,
    role: Role,
    link: Link,
}

/// All links of one kernel object. Clones share the same links.
#[derive(Clone)]
pub struct Links {
    store: Store,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    links: Vec<Held>,
    /// The interfaces that the daemon left, by index.
    left: Vec<(u32, DetachReason)>,
}

impl Links {
    pub(super) fn new(store: Store) -> Self {
        Self { store, inner: Arc::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // After a panic the list is still valid: it is shorter or longer by one whole link.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a link that the daemon has just created, and gives it to the store.
    pub(super) fn add_new(&self, interface: &Interface, role: Role, link: OwnedFd) {
        if let Err(error) = self.store.keep(&role.name(interface.index), link.as_fd()) {
            tracing::warn!(iface = interface.name, %error, "a restart will detach the program for a moment");
        }
        self.add(interface, role, Link::Bpf(link));
    }

    pub(super) fn add(&self, interface: &Interface, role: Role, link: Link) {
        let inner = &mut *self.inner();
        inner.left.retain(|(index, _)| *index != interface.index);
        inner.links.push(Held { ifindex: interface.index, role, link });
    }

    /// Closes the link of an interface's program that counts, or that of its program for the mark, so that it
    /// can be attached again.
    pub fn release(&self, interface: &Interface, counts: bool) {
        let is_such = |held: &mut Held| held.ifindex == interface.index && held.role.counts() == counts;
        self.inner().links.extract_if(.., is_such).for_each(|held| self.close(held));
    }

    /// Detaches the program of a link, which the store may hold for a moment longer.
    fn close(&self, Held { ifindex, role, link }: Held) {
        if let Link::Bpf(link) = link {
            // A link whose interface is gone cannot be detached, and need not be.
            let _ = bpf::detach_link(link.as_fd());
            self.store.remove(&role.name(ifindex));
        }
    }

    /// Detaches every program from an interface. A second call does nothing.
    pub fn detach(&self, interface: &Interface, reason: DetachReason) {
        let inner = &mut *self.inner();
        // An interface that was left for another reason can still go.
        let left = inner.left.iter().find(|(index, _)| *index == interface.index);
        if left.is_some_and(|(_, before)| *before == reason || reason != DetachReason::Gone) {
            return;
        }
        inner.left.retain(|(index, _)| *index != interface.index);
        inner.left.push((interface.index, reason));
        for held in inner.links.extract_if(.., |held| held.ifindex == interface.index) {
            match held.link {
                // The kernel has removed the filter together with the interface's qdisc (`dev_shutdown`,
                // net/sched/sch_generic.c), and the index may name another interface by now.
                Link::Filter(_) if reason == DetachReason::Gone => std::mem::forget(held),
                _ => self.close(held),
            }
        }
    }

    /// The reason why the daemon itself left an interface; `None` if it did not.
    #[must_use]
    pub fn left(&self, interface: &Interface) -> Option<DetachReason> {
        self.inner().left.iter().find(|(index, _)| *index == interface.index).map(|(_, reason)| *reason)
    }

    /// Closes every link. The programs are detached, unless the store holds the links too.
    pub(super) fn clear(&self) {
        self.inner().links.clear();
    }
}
