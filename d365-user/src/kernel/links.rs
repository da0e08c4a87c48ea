//! The links that hold the programs on interfaces, shared by the kernel object's owner and by the watch of interfaces.
//!
//! The owner may be publishing or waiting for a disk when an interface has to be left. So every link can be dropped by
//! whoever holds a clone. It must not attach anything, and it detaches nothing that is somebody else's.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use aya::programs::{tc::SchedClassifierLink, xdp::XdpLink};

use super::{
    interface::Interface,
    tc::{Qdisc, TcHold},
};
use crate::snapshot::LinkKind;

/// Why the daemon left an interface by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DetachReason {
    /// The interface is not in this network namespace any more: it was deleted, or moved to another.
    Gone,
    /// Its packets have no Ethernet header any more.
    NoFrames,
    /// In generic mode each packet would be judged twice.
    SeenTwice,
}

impl fmt::Display for DetachReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "deleted, or moved to another network namespace",
            Self::NoFrames => "its packets do not begin with an Ethernet header any more",
            Self::SeenTwice => "an ifb device hands its packets back, and each would be judged twice",
        })
    }
}

/// A program on an interface. A dropped one is detached.
#[expect(dead_code, reason = "held to be dropped")]
pub(super) enum Link {
    /// The XDP program, and what holds it.
    Xdp(XdpLink, LinkKind),
    /// The tc program, what holds it, and the qdisc that came with it. The qdisc goes after the filter.
    Tc(SchedClassifierLink, TcHold, Option<Qdisc>),
}

impl Link {
    /// Whether it can be detached from an interface that is in another network namespace: by its descriptor. A request
    /// over netlink would reach an interface of this namespace.
    const fn has_descriptor(&self) -> bool {
        matches!(self, Self::Xdp(_, LinkKind::BpfLink) | Self::Tc(_, TcHold::Tcx, _))
    }
}

/// All links of one kernel object; clones are the same links.
#[derive(Clone, Default)]
pub struct Links(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    /// With the index of the interface.
    links: Vec<(u32, Link)>,
    /// The interfaces that were left, by index.
    left: Vec<(u32, DetachReason)>,
    /// Since when a program is on an interface that nobody here reaches.
    out_of_reach: Option<SystemTime>,
}

impl Links {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A panic leaves a list that is shorter or longer by one whole link.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, interface: &Interface, link: Link) {
        self.inner().links.push((interface.index, link));
    }

    /// Detaches every program from an interface. Does nothing the second time.
    pub fn detach(&self, interface: &Interface, reason: DetachReason) {
        let inner = &mut *self.inner();
        if inner.left.iter().any(|(index, _)| *index == interface.index) {
            return;
        }
        inner.left.push((interface.index, reason));
        for (_, link) in inner.links.extract_if(.., |(index, _)| *index == interface.index) {
            if reason != DetachReason::Gone || link.has_descriptor() {
                continue;
            }
            // A clsact filter went with the interface's qdisc (`dev_shutdown`, net/sched/sch_generic.c). An XDP program
            // stays on an interface that was moved.
            if matches!(link, Link::Xdp(..)) {
                inner.out_of_reach.get_or_insert_with(SystemTime::now);
            }
            std::mem::forget(link);
        }
    }

    /// Why the daemon left an interface by itself; `None` when it did not.
    #[must_use]
    pub fn left(&self, interface: &Interface) -> Option<DetachReason> {
        self.inner().left.iter().find(|(index, _)| *index == interface.index).map(|(_, reason)| *reason)
    }

    /// Since when a program of this object is on an interface of another network namespace and cannot be detached: one
    /// that a netlink request holds.
    #[must_use]
    pub fn out_of_reach(&self) -> Option<SystemTime> {
        self.inner().out_of_reach
    }

    /// Detaches everything.
    pub(super) fn clear(&self) {
        self.inner().links.clear();
    }
}
