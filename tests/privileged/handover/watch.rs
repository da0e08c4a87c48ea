//! The watch over an interface that must have a program all the time: looks, as often as possible, and the
//! kernel's reports.

use std::{
    iter,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use d365_tests::{
    lab::Lab,
    offload::{self, Offload},
};
use d365_user::kernel::{Interface, LinkEvents, Report};
use nix::{
    errno::Errno,
    libc::{SCHED_FIFO, sched_param, sched_setscheduler},
};

/// The time between two looks.
const GAP: Duration = Duration::from_micros(500);
/// A look that comes later after the one before is late.
const LATE: Duration = Duration::from_millis(1);

/// The looks at the interface.
#[derive(Debug, Default)]
pub(super) struct Looks {
    number: u32,
    /// Looks that found no program.
    pub(super) without: u32,
    /// Looks that came later than [`LATE`] after the one before.
    late: u32,
    /// The longest time between two looks.
    longest: Duration,
}

/// Lets the kernel run this thread before all ordinary ones, so that its looks come in time (sched(7)).
fn run_first() {
    let priority = sched_param { sched_priority: 1 };
    // SAFETY: the call reads the parameter only.
    let result = unsafe { sched_setscheduler(0, SCHED_FIFO, &raw const priority) };
    assert_eq!(result, 0, "{}", Errno::last());
}

/// Looks at the first interface until `stop` is set. `has_program` looks from inside the host.
pub(super) fn look(lab: &Lab, stop: &AtomicBool, has_program: impl Fn(&Interface) -> bool + Sync) -> Looks {
    lab.host.run(|| {
        run_first();
        let interface = Interface::find(lab.iface()).unwrap();
        let (mut looks, mut last) = (Looks::default(), Instant::now());
        while !stop.load(Relaxed) {
            looks.without += u32::from(!has_program(&interface));
            looks.number += 1;
            let now = Instant::now();
            looks.late += u32::from(now - last > LATE);
            looks.longest = looks.longest.max(now - last);
            last = now;
            thread::sleep(GAP);
        }
        looks
    })
}

/// The kernel's reports that a veth has got its first XDP program or lost its last one. They are about its
/// peer, which hands over no large packets to a veth with a program (`veth_fix_features`).
pub(super) struct Transitions {
    events: LinkEvents,
    peer: u32,
}

impl Transitions {
    /// Listens from now on. The veth must not have a program yet.
    pub(super) fn listen(lab: &Lab) -> Self {
        let peer = &lab.link().sender;
        peer.netns.run(|| {
            for on in [Offload::TxChecksum, Offload::Tso] {
                offload::set(&peer.name, on, true).unwrap();
            }
            let events = LinkEvents::listen(Duration::from_secs(1)).unwrap();
            Self { events, peer: Interface::find(&peer.name).unwrap().index }
        })
    }

    /// The number of reports since the last call.
    pub(super) fn count(&self) -> usize {
        let reports =
            iter::from_fn(|| Some(self.events.next().unwrap()).filter(|new| *new != Report::default()));
        let changed = |report: Report| {
            assert!(!report.is_partial, "reports are lost");
            report.changed.into_iter().filter(|index| *index == self.peer).count()
        };
        reports.map(changed).sum()
    }
}
