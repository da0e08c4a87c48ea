//! An interface's position among other devices, over rtnetlink(7). The position decides if packets that
//! arrive on the interface are delivered from there.
//!
//! A program on a member of a bond, team or bridge runs before the device above takes the packet, in native
//! and in generic mode. The program counts packets that this device then drops, and does not see packets that
//! arrive on another member.

use netlink_packet_route::link::{
    BondAllPortActive, BondPortState, BridgePortState, InfoBond, InfoBondPort, InfoBridgePort, InfoData,
    InfoKind, InfoPortData, LinkInfo, LinkMessage,
};

use crate::kernel::{
    interface::Interface,
    link_layer::{infos, kind},
    link_message::{self, below, master, name},
};

/// The position of an interface in words, or the problem of watching it together with the others and the next
/// step.
pub type Place = Result<String, (String, String)>;

/// Finds the position of the link that has this index, if the links of `watched` are watched.
pub(super) fn of(index: u32, links: &[LinkMessage], watched: &[u32]) -> Place {
    let by_index = |index: u32| links.iter().find(|link| link.header.index == index);
    let alone = || Ok("no device above it takes its packets".to_owned());
    let Some(link) = by_index(index) else { return alone() };
    if kind(link) == Some(&InfoKind::Vrf) {
        return Err((
            "a VRF device: packets come in on its members, and none is seen here".to_owned(),
            format!("watch its members: {}", names(members(index, links))),
        ));
    }
    let is_port = |link: &&LinkMessage| kind(link) == Some(&InfoKind::Dsa) && below(link) == Some(index);
    if links.iter().any(|link| is_port(&link)) {
        return Err((
            "it carries the frames of a switch's ports with a header of the switch's own, and few are understood".to_owned(),
            format!("watch the ports: {}", names(links.iter().filter(is_port))),
        ));
    }
    let Some(master) = master(link).and_then(by_index) else { return alone() };
    let above = name(master);
    let kind = match kind(master) {
        // A VRF's members deliver their packets themselves.
        Some(InfoKind::Vrf) => return alone(),
        Some(InfoKind::Bridge) if !is_forwarding(link) => {
            return Err((
                format!(
                    "a port of {above} that is not forwarding: packets that arrive here are counted but not delivered"
                ),
                format!("watch {above} itself, or its ports that are forwarding"),
            ));
        }
        // A network card with a fast path through another device (hv_netvsc, net_failover) has no kind.
        kind => kind.map_or_else(|| "failover".to_owned(), ToString::to_string),
    };
    // A software switch takes the packets of its ports, like a bridge.
    if ["bridge", "openvswitch"].contains(&kind.as_str()) {
        return Ok(format!(
            "a port of {above}: packets that the bridge forwards to others are counted too; {above} itself \
             sees this host's own packets"
        ));
    }
    let members = members(master.header.index, links);
    if members.clone().all(|member| watched.contains(&member.header.index)) {
        return Ok(format!("a member of {above} ({kind}), all of which are watched"));
    }
    let found = if is_active(link) || delivers_all(master) {
        format!("a member of {above} ({kind}): packets that arrive on the other members are not seen")
    } else {
        format!(
            "an inactive member of {above} ({kind}): packets that arrive here are counted but not delivered"
        )
    };
    Err((found, format!("watch {above} itself, or all its members: {}", names(members))))
}

/// Returns the problems of watching these interfaces together: the interface's name, and the problem with the
/// next step. Returns none if the kernel does not list the devices.
#[must_use]
pub fn misplaced(interfaces: &[Interface]) -> Vec<(String, String)> {
    let watched: Vec<_> = interfaces.iter().map(|interface| interface.index).collect();
    let links = link_message::all(LinkMessage::default()).unwrap_or_else(|error| {
        tracing::debug!(%error, "the position of the interfaces among other devices is not known");
        Vec::new()
    });
    let concern = |interface: &Interface| {
        let (found, advice) = of(interface.index, &links, &watched).err()?;
        Some((interface.name.clone(), format!("{found}; {advice}")))
    };
    interfaces.iter().filter_map(concern).collect()
}

fn names<'a>(links: impl Iterator<Item = &'a LinkMessage>) -> String {
    links.map(name).collect::<Vec<_>>().join(", ")
}

fn members(of: u32, links: &[LinkMessage]) -> impl Iterator<Item = &LinkMessage> + Clone {
    links.iter().filter(move |link| master(link) == Some(of))
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
    use netlink_packet_route::link::LinkAttribute;

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
        let concern = |index, watched: &[u32]| of(index, &links, watched).err();
        let (found, advice) = concern(4, &[4]).unwrap();
        assert!(found.starts_with("an inactive member of bond0 (bond): "), "{found}");
        assert_eq!(advice, "watch bond0 itself, or all its members: e0, e1");
        let (found, _) = concern(3, &[2, 3]).unwrap();
        assert!(found.starts_with("a member of bond0 (bond): "), "{found}");
        for (index, watched) in [(3, &[3, 4][..]), (4, &[4, 3]), (BOND, &[BOND]), (2, &[2]), (77, &[77])] {
            assert_eq!(concern(index, watched), None, "{index}");
        }
        let links = bond(vec![InfoBond::AllPortsActive(BondAllPortActive::Delivered)]);
        let (found, _) = of(4, &links, &[4]).unwrap_err();
        assert!(found.starts_with("a member of bond0 (bond): "), "all_slaves_active delivers: {found}");
    }

    #[test]
    fn a_bridge_delivers_from_ports_that_forward() {
        let port = |state| {
            let data = InfoPortData::BridgePort(vec![InfoBridgePort::State(state)]);
            let bridge = link(7, "br0", &[LinkInfo::Kind(InfoKind::Bridge)]);
            of(3, &[member(3, "e0", 7, &[LinkInfo::PortData(data)]), bridge], &[3])
        };
        assert!(port(BridgePortState::Forwarding).unwrap().starts_with("a port of br0"));
        let (found, advice) = port(BridgePortState::Blocking).unwrap_err();
        assert!(found.contains("not forwarding") && advice.contains("br0"), "{found}; {advice}");
    }

    #[test]
    fn other_devices_above_are_told_by_their_kind() {
        let above = |kinds: &[LinkInfo], watched: &[u32]| {
            of(3, &[member(3, "e0", 7, &[]), member(4, "e1", 7, &[]), link(7, "up0", kinds)], watched)
        };
        let team = above(&[LinkInfo::Kind(InfoKind::Team)], &[3]).unwrap_err();
        assert!(team.0.contains("up0 (team)") && team.1.ends_with("e0, e1"), "{team:?}");
        let failover = above(&[], &[3]).unwrap_err();
        assert!(failover.0.contains("up0 (failover)"), "{failover:?}");
        let vrf = above(&[LinkInfo::Kind(InfoKind::Vrf)], &[3]).unwrap();
        assert_eq!(vrf, "no device above it takes its packets");
        let switch = above(&[LinkInfo::Kind(InfoKind::Other("openvswitch".to_owned()))], &[3]).unwrap();
        assert!(switch.starts_with("a port of up0: "), "{switch}");
        let bond = above(&[LinkInfo::Kind(InfoKind::Bond)], &[3, 4]).unwrap();
        assert_eq!(bond, "a member of up0 (bond), all of which are watched");
    }

    #[test]
    fn a_vrf_and_a_switchs_conduit_are_no_places_to_watch() {
        let links = [member(3, "e0", 7, &[]), link(7, "vrf0", &[LinkInfo::Kind(InfoKind::Vrf)])];
        assert_eq!(of(7, &links, &[7]).unwrap_err().1, "watch its members: e0");
        let mut port = link(5, "lan1", &[LinkInfo::Kind(InfoKind::Dsa)]);
        port.attributes.push(LinkAttribute::Link(3));
        let conduit = of(3, &[link(3, "e0", &[]), port], &[3]);
        assert_eq!(conduit.unwrap_err().1, "watch the ports: lan1");
    }
}
