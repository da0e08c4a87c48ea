//! The stacking of devices: a bridge lies above its ports, a bond above its members, and a VLAN, macvlan or
//! VXLAN device above the device that carries it.
//!
//! The kernel accepts no XDP program on a device directly below one that has a program (`dev_xdp_attach`,
//! net/core/dev.c). So the daemon attaches to lower devices first. This module only reads.

use std::io;

use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVxlan, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};

use super::{
    interface::{Interface, Xdp, program},
    link_layer::{infos, kind},
    link_message,
};

/// Maximum depth of stacked devices (`MAX_NEST_DEV`, linux/netdevice.h).
const DEEPEST: usize = 8;

/// Kinds of devices that the kernel places above their carrier (`netdev_upper_dev_link`). Other kinds, such
/// as tunnels and veth pairs, also name a device but do not lie above it.
const STACKED: [InfoKind; 8] = [
    InfoKind::Vlan,
    InfoKind::MacVlan,
    InfoKind::MacVtap,
    InfoKind::IpVlan,
    InfoKind::IpVtap,
    InfoKind::Vxlan,
    InfoKind::MacSec,
    InfoKind::Dsa,
];

/// The devices of this network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stack(Vec<Device>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Device {
    pub(super) name: String,
    alternative_names: Vec<String>,
    is_loopback: bool,
    pub(super) xdp: Option<Xdp>,
    index: u32,
    /// Index of the device that carries it.
    carrier: Option<u32>,
    /// Index of the device that it is a port of.
    controller: Option<u32>,
}

impl Stack {
    /// Reads the devices from the kernel.
    ///
    /// # Errors
    /// The kernel's error.
    pub fn read() -> io::Result<Self> {
        Ok(Self(link_message::all(LinkMessage::default())?.iter().map(Device::of).collect()))
    }

    /// Same as [`Stack::read`]. If the kernel does not answer, the log reports it, and no device lies above
    /// another.
    #[must_use]
    pub fn read_or_warn() -> Self {
        Self::read().unwrap_or_else(|error| {
            tracing::warn!(
                %error,
                "cannot read which interface lies above which: they are attached in the order given"
            );
            Self::default()
        })
    }

    /// Returns the positions of `interfaces`, sorted by the number of devices below each, so that each
    /// interface comes before those above it. Interfaces with equally many keep the given order.
    #[must_use]
    pub fn bottom_up(&self, interfaces: &[Interface]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..interfaces.len()).collect();
        order.sort_by_key(|position| self.height(interfaces[*position].index, DEEPEST));
        order
    }

    /// The devices with a name that `is_match` accepts, each by that name: its own, or an alternative one.
    /// The loopback is not among them: it gets no mail from elsewhere.
    pub fn matching(&self, is_match: impl Fn(&str) -> bool) -> impl Iterator<Item = Interface> {
        self.0.iter().filter(|device| !device.is_loopback).filter_map(move |device| {
            let mut names = std::iter::once(&device.name).chain(&device.alternative_names);
            let name = names.find(|name| is_match(name))?.clone();
            Some(Interface { name, index: device.index })
        })
    }

    /// Returns true if the device `upper` lies directly above another one.
    #[must_use]
    pub fn is_above(&self, upper: u32, lower: u32) -> bool {
        self.above(lower).any(|device| device.index == upper)
    }

    /// The devices directly above one.
    pub(super) fn above(&self, index: u32) -> impl Iterator<Item = &Device> {
        let controller = self.device(index).and_then(|device| device.controller);
        self.0.iter().filter(move |upper| upper.carrier == Some(index) || Some(upper.index) == controller)
    }

    /// The devices directly above one that it carries.
    pub(super) fn carried(&self, index: u32) -> impl Iterator<Item = &Device> {
        self.0.iter().filter(move |upper| upper.carrier == Some(index))
    }

    /// The devices directly below one: its ports, and the device that carries it.
    pub(super) fn below(&self, index: u32) -> impl Iterator<Item = &Device> {
        let carrier = self.device(index).and_then(|device| device.carrier);
        self.0.iter().filter(move |lower| lower.controller == Some(index) || Some(lower.index) == carrier)
    }

    /// The first device directly above one that has an XDP program, and that program.
    pub(super) fn program_above(&self, index: u32) -> Option<(&str, Xdp)> {
        self.above(index).find_map(|upper| Some((upper.name.as_str(), upper.xdp?)))
    }

    fn device(&self, index: u32) -> Option<&Device> {
        self.0.iter().find(|device| device.index == index)
    }

    /// Number of devices below one, along the longest chain, up to `deepest`.
    fn height(&self, index: u32, deepest: usize) -> usize {
        if deepest == 0 {
            return 0;
        }
        self.below(index).map(|lower| 1 + self.height(lower.index, deepest - 1)).max().unwrap_or(0)
    }
}

impl Device {
    fn of(link: &LinkMessage) -> Self {
        let is_stacked = kind(link).is_some_and(|kind| STACKED.contains(kind));
        // The carrier is then in another network namespace, so its index does not apply here.
        let is_elsewhere = link.attributes.iter().any(|part| matches!(part, LinkAttribute::LinkNetNsId(_)));
        let vxlan = infos(link).find_map(|info| match info {
            LinkInfo::Data(InfoData::Vxlan(data)) => Some(data),
            _ => None,
        });
        let carrier = match vxlan {
            Some(data) => data.iter().find_map(|part| match part {
                InfoVxlan::Link(index) => Some(*index),
                _ => None,
            }),
            None => link_message::below(link),
        };
        Self {
            name: link_message::name(link),
            alternative_names: link_message::alternative_names(link),
            is_loopback: link.header.flags.contains(LinkFlags::Loopback),
            xdp: link.attributes.iter().find_map(program),
            index: link.header.index,
            carrier: carrier.filter(|_| is_stacked && !is_elsewhere),
            controller: link_message::master(link),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::XdpMode;

    fn device(index: u32, carrier: Option<u32>, controller: Option<u32>) -> Device {
        let (name, alternative_names) = (format!("m{index}"), vec![format!("alt{index}")]);
        Device { name, alternative_names, is_loopback: false, xdp: None, index, carrier, controller }
    }

    fn interface(index: u32) -> Interface {
        Interface { name: format!("m{index}"), index }
    }

    /// A VLAN device (5) on a bond (4) of 2 and 3. The VLAN device is a port of a bridge (6). Device 7 is
    /// separate.
    fn stack() -> Stack {
        Stack(vec![
            device(6, None, None),
            device(5, Some(4), Some(6)),
            device(4, None, None),
            device(2, None, Some(4)),
            device(3, None, Some(4)),
            device(7, None, None),
        ])
    }

    #[test]
    fn lower_devices_come_first_and_others_stay() {
        let order = |indexes: &[u32]| {
            let interfaces: Vec<_> = indexes.iter().copied().map(interface).collect();
            stack().bottom_up(&interfaces).into_iter().map(|at| indexes[at]).collect::<Vec<_>>()
        };
        assert_eq!(order(&[7, 3, 2]), [7, 3, 2]);
        assert_eq!(order(&[6, 5, 4, 3, 2]), [3, 2, 4, 5, 6]);
        assert_eq!(order(&[6, 2]), [2, 6]);
        assert_eq!(order(&[5, 7]), [7, 5]);
        assert_eq!(order(&[9]), [9], "unknown by now");
    }

    #[test]
    fn a_device_matches_by_any_name_but_the_loopback_never() {
        let mut stack = stack();
        stack.0[5].is_loopback = true;
        let found = |is_match: fn(&str) -> bool| {
            stack.matching(is_match).map(|found| (found.index, found.name)).collect::<Vec<_>>()
        };
        assert_eq!(found(|name| name == "m2"), [(2, "m2".to_owned())]);
        assert_eq!(found(|name| name == "alt3"), [(3, "alt3".to_owned())]);
        assert_eq!(found(|name| name.contains('4')), [(4, "m4".to_owned())], "its own name comes first");
        assert_eq!(found(|name| name.contains('7')), []);
    }

    #[test]
    fn a_ring_ends() {
        let ring = Stack(vec![device(1, Some(2), None), device(2, Some(1), None)]);
        assert_eq!(ring.bottom_up(&[interface(1), interface(2)]).len(), 2);
    }

    #[test]
    fn a_program_directly_above_is_found() {
        let mut stack = stack();
        let xdp = Xdp { program: 9, mode: XdpMode::Generic };
        stack.0[2].xdp = Some(xdp);
        for index in [2, 3] {
            assert_eq!(stack.program_above(index), Some(("m4", xdp)));
        }
        for index in [4, 5, 6, 7, 9] {
            assert_eq!(stack.program_above(index), None, "{index}");
        }
        stack.0[0].xdp = Some(xdp);
        assert_eq!(stack.program_above(5), Some(("m6", xdp)));
    }

    #[test]
    fn only_a_stacked_device_lies_above_its_carrier() {
        let of = |infos: Vec<LinkInfo>, more: Option<LinkAttribute>| {
            let mut link = LinkMessage::default();
            link.attributes =
                vec![LinkAttribute::Link(3), LinkAttribute::Controller(4), LinkAttribute::LinkInfo(infos)];
            link.attributes.extend(more);
            let device = Device::of(&link);
            assert_eq!(device.controller, Some(4));
            device.carrier
        };
        let kind = |kind| vec![LinkInfo::Kind(kind)];
        assert_eq!(of(kind(InfoKind::MacVlan), None), Some(3));
        assert_eq!(
            of(kind(InfoKind::Vlan), Some(LinkAttribute::LinkNetNsId(0))),
            None,
            "a carrier elsewhere"
        );
        for other in [InfoKind::Veth, InfoKind::GreTap, InfoKind::Tun] {
            assert_eq!(of(kind(other), None), None);
        }
        let vxlan = |data| vec![LinkInfo::Kind(InfoKind::Vxlan), LinkInfo::Data(InfoData::Vxlan(data))];
        assert_eq!(of(vxlan(vec![InfoVxlan::Link(7)]), None), Some(7));
        assert_eq!(of(vxlan(Vec::new()), None), None);
    }
}
