//! The drivers of network cards as `docs/drivers.md` describes them, with its sources. A test compares the
//! two.

use super::ethtool;
use crate::kernel::{interface::Interface, objection::Objection};

/// A release of Linux: its major and minor number.
pub type Release = (u8, u8);

/// A driver, with what an operator needs to know before a native program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Driver {
    /// Its name, as `ethtool -i` shows it.
    pub name: &'static str,
    /// The first release with native mode.
    pub native: Option<Release>,
    /// The first release in which programs receive frames in several buffers.
    pub frags: Option<Release>,
    /// True if the card, or the card below it, receives nothing for a while when the first program is
    /// attached and when the last one is detached. None interrupts traffic when programs are exchanged.
    pub interrupts: bool,
    /// The largest MTU at which a frame fits into one buffer, on x86-64.
    pub one_buffer: Option<u32>,
    /// The reason why the daemon does not use its native mode.
    pub defect: Option<&'static str>,
    /// True if the driver switches LRO off when a program is attached. The others refuse the program.
    pub ends_lro: bool,
    /// A condition that this program does not check.
    pub condition: Option<&'static str>,
}

impl Driver {
    /// A driver without native mode, from which the others differ.
    const fn new(name: &'static str) -> Self {
        Self {
            name,
            native: None,
            frags: None,
            interrupts: false,
            one_buffer: None,
            defect: None,
            ends_lro: false,
            condition: None,
        }
    }
}

const HALF_OF_THE_QUEUES: &str =
    "the driver needs a second queue for each queue in use: at most half of the maximum of `ethtool -l`";

/// Every driver of the page, in its order.
pub const DRIVERS: [Driver; 16] = [
    Driver {
        native: Some((4, 10)),
        frags: Some((6, 3)),
        one_buffer: Some(3506),
        condition: Some("the hypervisor must let the driver switch GRO_HW and checksums off"),
        ..Driver::new("virtio_net")
    },
    Driver {
        native: Some((6, 6)),
        interrupts: true,
        one_buffer: Some(3050),
        defect: Some("in native mode it forgets the program when the interface goes down or its MTU changes"),
        ends_lro: true,
        ..Driver::new("vmxnet3")
    },
    Driver { native: Some((5, 10)), interrupts: true, one_buffer: Some(3046), ..Driver::new("igb") },
    Driver { native: Some((5, 13)), interrupts: true, one_buffer: Some(1500), ..Driver::new("igc") },
    Driver::new("e1000e"),
    Driver {
        native: Some((4, 12)),
        interrupts: true,
        one_buffer: Some(3050),
        condition: Some(
            "the driver refuses programs with SR-IOV, with DCB, and with more than 128 processors",
        ),
        ..Driver::new("ixgbe")
    },
    Driver {
        native: Some((4, 13)),
        frags: Some((6, 4)),
        interrupts: true,
        one_buffer: Some(3046),
        ..Driver::new("i40e")
    },
    Driver {
        native: Some((5, 5)),
        frags: Some((6, 3)),
        interrupts: true,
        one_buffer: Some(3046),
        condition: Some("the card needs its DDP firmware package"),
        ..Driver::new("ice")
    },
    Driver {
        native: Some((4, 9)),
        frags: Some((6, 4)),
        interrupts: true,
        one_buffer: Some(3498),
        ..Driver::new("mlx5_core")
    },
    Driver {
        native: Some((4, 11)),
        frags: Some((5, 19)),
        interrupts: true,
        one_buffer: Some(3502),
        ends_lro: true,
        condition: Some(
            "the driver needs combined channels and room for one more transmit ring for each receive ring",
        ),
        ..Driver::new("bnxt_en")
    },
    Driver {
        native: Some((5, 6)),
        interrupts: true,
        one_buffer: Some(3498),
        condition: Some(HALF_OF_THE_QUEUES),
        ..Driver::new("ena")
    },
    Driver {
        native: Some((6, 4)),
        interrupts: true,
        one_buffer: Some(2032),
        condition: Some(HALF_OF_THE_QUEUES),
        ..Driver::new("gve")
    },
    Driver { native: Some((5, 17)), interrupts: true, one_buffer: Some(3506), ..Driver::new("mana") },
    Driver { native: Some((5, 6)), interrupts: true, one_buffer: Some(3506), ..Driver::new("hv_netvsc") },
    Driver { native: Some((4, 19)), frags: Some((5, 18)), one_buffer: Some(3506), ..Driver::new("veth") },
    Driver { native: Some((4, 14)), ..Driver::new("tun") },
];

/// The driver of this name, if the page describes it.
#[must_use]
pub fn driver(name: &str) -> Option<&'static Driver> {
    DRIVERS.iter().find(|driver| driver.name == name)
}

/// The interface's driver, if the page describes it.
fn driver_of(interface: &Interface) -> Option<&'static Driver> {
    driver(&ethtool::driver(&interface.kernel_name().ok()?).ok()?)
}

/// The interface's driver, if it is known to interrupt traffic.
#[must_use]
pub fn interrupting_driver(interface: &Interface) -> Option<&'static str> {
    driver_of(interface).filter(|driver| driver.interrupts).map(|driver| driver.name)
}

/// The objection to native mode with an interface's driver, which itself accepts programs.
#[must_use]
pub fn objection_to_native(interface: &Interface) -> Option<Objection> {
    let driver = driver_of(interface)?;
    let reason = format!("{}: {}", driver.name, driver.defect?);
    Some(Objection { reason, advice: "use --mode auto or tc" })
}
