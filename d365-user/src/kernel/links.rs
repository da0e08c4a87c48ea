//! The links that hold the programs on interfaces. The owner of the kernel object and the thread that watches
//! interfaces share them.
//!
//! When the daemon has to leave an interface, the owner may be publishing or waiting for a disk. So any
//! holder of a clone can drop any link. This module must not attach anything, and it never detaches a program
//! of another owner.

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

/// The reason why the daemon itself left an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DetachReason {
    /// The interface is no longer in this network namespace: it was deleted, or moved to another one.
    Gone,
    /// Its packets no longer have an Ethernet header.
    NoFrames,
    /// In generic mode each packet would be classified twice.
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

/// A program on an interface. Dropping the link detaches the program.
#[expect(dead_code, reason = "held to be dropped")]
pub(super) enum Link {
    /// The XDP program's link, and its kind.
    Xdp(XdpLink, LinkKind),
    /// The tc program's link, its kind, and the qdisc that the daemon added for it. The qdisc is dropped
    /// after the filter.
    Tc(SchedClassifierLink, TcHold, Option<Qdisc>),
}

impl Link {
    /// Returns true if the program can be detached after its interface moved to another network namespace:
    /// through the link's descriptor. A netlink request would reach an interface of this namespace.
    const fn has_descriptor(&self) -> bool {
        matches!(self, Self::Xdp(_, LinkKind::BpfLink) | Self::Tc(_, TcHold::Tcx, _))
    }
}

/// All links of one kernel object. Clones share the same links.
#[derive(Clone, Default)]
pub struct Links(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    /// Each link with the index of its interface.
    links: Vec<(u32, Link)>,
    /// The interfaces that the daemon left, by index.
    left: Vec<(u32, DetachReason)>,
    /// Time since which a program is on an interface that this process cannot reach.
    out_of_reach: Option<SystemTime>,
}

impl Links {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        // After a panic the list is still valid: it is shorter or longer by one whole link.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, interface: &Interface, link: Link) {
        self.inner().links.push((interface.index, link));
    }

    /// Detaches every program from an interface. A second call does nothing.
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
            // The kernel has removed a clsact filter together with the interface's qdisc (`dev_shutdown`,
            // net/sched/sch_generic.c). An XDP program stays on an interface that was moved.
            if matches!(link, Link::Xdp(..)) {
                inner.out_of_reach.get_or_insert_with(SystemTime::now);
            }
            std::mem::forget(link);
        }
    }

    /// The reason why the daemon itself left an interface; `None` if it did not.
    #[must_use]
    pub fn left(&self, interface: &Interface) -> Option<DetachReason> {
        self.inner().left.iter().find(|(index, _)| *index == interface.index).map(|(_, reason)| *reason)
    }

    /// Time since which a program of this object is on an interface of another network namespace and cannot
    /// be detached, because a netlink request holds it.
    #[must_use]
    pub fn out_of_reach(&self) -> Option<SystemTime> {
        self.inner().out_of_reach
    }

    /// Detaches everything.
    pub(super) fn clear(&self) {
        self.inner().links.clear();
    }
}
