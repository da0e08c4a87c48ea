//! An interface's position among other devices, over rtnetlink(7). The position decides if packets that
//! arrive on the interface are delivered from there.
//!
//! A program on a member of a bond, team or bridge runs before the device above takes the packet, in native
//! and in generic mode. The program counts packets that this device then drops, and does not see packets that
//! arrive on another member.

use netlink_packet_route::link::{
    BondAllPortActive, BondPortState, BridgePortState, InfoBond, InfoBondPort, InfoBridgePort, InfoData,
    InfoKind, InfoPortData, LinkAttribute, LinkInfo, LinkMessage,
};

use super::fact::Fact;
use crate::kernel::{
    interface::Interface,
    link_layer::{infos, kind},
    link_message::{self, name},
};

/// A device: its index and its name.
type Device = (u32, String);

/// The position of an interface among other devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// No device above it takes its packets.
    #[default]
    Alone,
    /// A member of a device that spreads packets over its members: a bond, a team, a network card's failover.
    Member {
        /// The name of the device above.
        above: String,
        /// The kind of the device above.
        kind: String,
        /// All members, including this one.
        members: Vec<Device>,
        /// True if the device above delivers packets that arrive here.
        is_active: bool,
    },
    /// A port of a bridge.
    Port {
        /// The bridge's name.
        bridge: String,
        /// True if the bridge accepts packets that arrive here.
        is_forwarding: bool,
    },
    /// A VRF device: packets arrive only on its members.
    Vrf {
        /// Its members.
        members: Vec<Device>,
    },
    /// The device that carries the frames of a switch's ports, each frame with a header of the switch.
    Conduit {
        /// The switch's ports.
        ports: Vec<Device>,
    },
}

impl Place {
    /// Returns the problem of watching this interface together with those of `watched`, and the next step.
    /// `None` if there is no problem.
    #[must_use]
    pub fn concern(&self, watched: &[u32]) -> Option<(String, String)> {
        let lacks = |members: &[Device]| members.iter().any(|(index, _)| !watched.contains(index));
        match self {
            Self::Member { above, kind, members, is_active } if lacks(members) => {
                let found = if *is_active {
                    format!("a member of {above} ({kind}): packets that arrive on the other members are not seen")
                } else {
                    format!("an inactive member of {above} ({kind}): packets that arrive here are counted but not delivered")
                };
                Some((found, format!("watch {above} itself, or all its members: {}", names(members))))
            }
            Self::Port { bridge, is_forwarding: false } => Some((
                format!("a port of {bridge} that is not forwarding: packets that arrive here are counted but not delivered"),
                format!("watch {bridge} itself, or its ports that are forwarding"),
            )),
            Self::Vrf { members } => Some((
                "a VRF device: packets come in on its members, and none is seen here".to_owned(),
                format!("watch its members: {}", names(members)),
            )),
            Self::Conduit { ports } => Some((
                "it carries the frames of a switch's ports with a header of the switch's own, and few are understood".to_owned(),
                format!("watch the ports: {}", names(ports)),
            )),
            _ => None,
        }
    }

    /// Describes the position for the operator.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Alone => "no device above it takes its packets".to_owned(),
            Self::Member { above, kind, .. } => {
                format!("a member of {above} ({kind}), all of which are watched")
            }
            Self::Port { bridge, .. } => format!(
                "a port of {bridge}: packets that the bridge forwards to others are counted too; {bridge} itself \
                 sees this host's own packets"
            ),
            Self::Vrf { .. } | Self::Conduit { .. } => "not a place to watch".to_owned(),
        }
    }

    /// Finds the position of the link that has this index.
    fn of(index: u32, links: &[LinkMessage]) -> Self {
        let by_index = |index: u32| links.iter().find(|link| link.header.index == index);
        let Some(link) = by_index(index) else { return Self::Alone };
        if kind(link) == Some(&InfoKind::Vrf) {
            return Self::Vrf { members: members(index, links) };
        }
        let is_port = |link: &&LinkMessage| kind(link) == Some(&InfoKind::Dsa) && below(link) == Some(index);
        let ports: Vec<_> = links.iter().filter(is_port).map(device).collect();
        if !ports.is_empty() {
            return Self::Conduit { ports };
        }
        let Some(master) = master(link).and_then(by_index) else { return Self::Alone };
        let (above, master_kind) = (name(master), kind(master));
        match master_kind {
            Some(InfoKind::Bridge) => Self::Port { bridge: above, is_forwarding: is_forwarding(link) },
            // A VRF's members deliver their packets themselves. A software switch takes them, like a bridge.
            Some(InfoKind::Vrf) => Self::Alone,
            Some(InfoKind::Other(kind)) if kind == "openvswitch" => {
                Self::Port { bridge: above, is_forwarding: true }
            }
            _ => Self::Member {
                above,
                // A network card with a fast path through another device (hv_netvsc, net_failover) has no
                // kind.
                kind: master_kind.map_or_else(|| "failover".to_owned(), ToString::to_string),
                members: members(master.header.index, links),
                is_active: is_active(link) || delivers_all(master),
            },
        }
    }
}

/// The positions of these interfaces of this network namespace, in the given order.
pub(super) fn places(indexes: &[u32]) -> Fact<Vec<Place>> {
    let links = link_message::all(LinkMessage::default())?;
    Ok(indexes.iter().map(|index| Place::of(*index, &links)).collect())
}

/// Returns the problems of watching these interfaces together: the interface's name, and the problem with the
/// next step. Returns none if the kernel does not list the devices.
#[must_use]
pub fn misplaced(interfaces: &[Interface]) -> Vec<(String, String)> {
    let indexes: Vec<_> = interfaces.iter().map(|interface| interface.index).collect();
    let places = places(&indexes).unwrap_or_else(|unknown| {
        tracing::debug!(error = %unknown, "the position of the interfaces among other devices is not known");
        Vec::new()
    });
    let concern = |(interface, place): (&Interface, Place)| {
        let (found, advice) = place.concern(&indexes)?;
        Some((interface.name.clone(), format!("{found}; {advice}")))
    };
    interfaces.iter().zip(places).filter_map(concern).collect()
}

fn device(link: &LinkMessage) -> Device {
    (link.header.index, name(link))
}

fn names(devices: &[Device]) -> String {
    devices.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(", ")
}

fn members(of: u32, links: &[LinkMessage]) -> Vec<Device> {
    links.iter().filter(|link| master(link) == Some(of)).map(device).collect()
}

/// The index of the device that it is a member of.
fn master(link: &LinkMessage) -> Option<u32> {
    link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Controller(index) => Some(*index),
        _ => None,
    })
}

/// The index of the device below it.
fn below(link: &LinkMessage) -> Option<u32> {
    link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Link(index) => Some(*index),
        _ => None,
    })
}

/// Returns true if a bridge accepts packets that arrive on its port.
fn is_forwarding(link: &LinkMessage) -> bool {
    let data = infos(link).filter_map(|info| match info {
        LinkInfo::PortData(InfoPortData::BridgePort(data)) => Some(data),
        _ => None,
    });
    !data
        .flatten()
        .any(|data| matches!(data, InfoBridgePort::State(state) if *state != BridgePortState::Forwarding))
}

/// Returns true if a bond accepts packets that arrive on its slave. Also returns true for a team's member,
/// whose state the kernel does not report.
fn is_active(link: &LinkMessage) -> bool {
    let data = infos(link).filter_map(|info| match info {
        LinkInfo::PortData(InfoPortData::BondPort(data)) => Some(data),
        _ => None,
    });
    !data.flatten().any(|data| *data == InfoBondPort::BondPortState(BondPortState::Backup))
}

/// Returns true if a bond also accepts packets that arrive on inactive slaves (`all_slaves_active`).
fn delivers_all(bond: &LinkMessage) -> bool {
    let data = infos(bond).filter_map(|info| match info {
        LinkInfo::Data(InfoData::Bond(data)) => Some(data),
        _ => None,
    });
    data.flatten().any(|data| *data == InfoBond::AllPortsActive(BondAllPortActive::Delivered))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOND: u32 = 9;

    fn link(index: u32, name: &str, infos: &[LinkInfo]) -> LinkMessage {
        let mut link = LinkMessage::default();
        link.header.index = index;
        link.attributes.push(LinkAttribute::IfName(name.to_owned()));
        link.attributes.push(LinkAttribute::LinkInfo(infos.to_vec()));
        link
    }

    fn member(index: u32, name: &str, master: u32, infos: &[LinkInfo]) -> LinkMessage {
        let mut link = link(index, name, infos);
        link.attributes.push(LinkAttribute::Controller(master));
        link
    }

    fn slave(index: u32, name: &str, state: BondPortState) -> LinkMessage {
        let data = InfoPortData::BondPort(vec![InfoBondPort::BondPortState(state)]);
        member(index, name, BOND, &[LinkInfo::PortData(data)])
    }

    fn bond(data: Vec<InfoBond>) -> Vec<LinkMessage> {
        let bond = [LinkInfo::Kind(InfoKind::Bond), LinkInfo::Data(InfoData::Bond(data))];
        vec![
            link(2, "e2", &[]),
            slave(3, "e0", BondPortState::Active),
            slave(4, "e1", BondPortState::Backup),
            link(BOND, "bond0", &bond),
        ]
    }

    #[test]
    fn an_inactive_slave_of_a_bond_is_no_place_to_watch_alone() {
        let links = bond(Vec::new());
        let concern = |index, watched: &[u32]| Place::of(index, &links).concern(watched);
        let (found, advice) = concern(4, &[4]).unwrap();
        assert!(found.starts_with("an inactive member of bond0 (bond): "), "{found}");
        assert_eq!(advice, "watch bond0 itself, or all its members: e0, e1");
        let (found, _) = concern(3, &[2, 3]).unwrap();
        assert!(found.starts_with("a member of bond0 (bond): "), "{found}");
        for (index, watched) in [(3, &[3, 4][..]), (4, &[4, 3]), (BOND, &[BOND]), (2, &[2]), (77, &[77])] {
            assert_eq!(concern(index, watched), None, "{index}");
        }
        let links = bond(vec![InfoBond::AllPortsActive(BondAllPortActive::Delivered)]);
        let Place::Member { is_active, .. } = Place::of(4, &links) else { panic!("no member") };
        assert!(is_active, "all_slaves_active delivers what comes in on it");
    }

    #[test]
    fn a_bridge_delivers_from_ports_that_forward() {
        let port = |state| {
            let data = InfoPortData::BridgePort(vec![InfoBridgePort::State(state)]);
            let bridge = link(7, "br0", &[LinkInfo::Kind(InfoKind::Bridge)]);
            Place::of(3, &[member(3, "e0", 7, &[LinkInfo::PortData(data)]), bridge])
        };
        assert_eq!(port(BridgePortState::Forwarding).concern(&[3]), None);
        assert!(port(BridgePortState::Forwarding).describe().starts_with("a port of br0"));
        let (found, advice) = port(BridgePortState::Blocking).concern(&[3]).unwrap();
        assert!(found.contains("not forwarding") && advice.contains("br0"), "{found}; {advice}");
    }

    #[test]
    fn other_devices_above_are_told_by_their_kind() {
        let above = |kinds: &[LinkInfo]| {
            Place::of(3, &[member(3, "e0", 7, &[]), member(4, "e1", 7, &[]), link(7, "up0", kinds)])
        };
        let team = above(&[LinkInfo::Kind(InfoKind::Team)]).concern(&[3]).unwrap();
        assert!(team.0.contains("up0 (team)") && team.1.ends_with("e0, e1"), "{team:?}");
        let failover = above(&[]).concern(&[3]).unwrap();
        assert!(failover.0.contains("up0 (failover)"), "{failover:?}");
        assert_eq!(above(&[LinkInfo::Kind(InfoKind::Vrf)]), Place::Alone);
        let switch = above(&[LinkInfo::Kind(InfoKind::Other("openvswitch".to_owned()))]);
        assert_eq!(switch.concern(&[3]), None);
        assert_eq!(above(&[LinkInfo::Kind(InfoKind::Bond)]).concern(&[3, 4]), None);
    }

    #[test]
    fn a_vrf_and_a_switchs_conduit_are_no_places_to_watch() {
        let vrf = Place::of(7, &[member(3, "e0", 7, &[]), link(7, "vrf0", &[LinkInfo::Kind(InfoKind::Vrf)])]);
        assert_eq!(vrf.concern(&[7]).unwrap().1, "watch its members: e0");
        let mut port = link(5, "lan1", &[LinkInfo::Kind(InfoKind::Dsa)]);
        port.attributes.push(LinkAttribute::Link(3));
        let conduit = Place::of(3, &[link(3, "e0", &[]), port]);
        assert_eq!(conduit.concern(&[3]).unwrap().1, "watch the ports: lan1");
    }
}
