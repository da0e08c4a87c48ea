//! The header of an interface's packets, its state and its MTU, over rtnetlink(7).

use netlink_packet_route::link::{InfoKind, LinkAttribute, LinkFlags, LinkLayerType, LinkMessage};

use super::fact::{Fact, Unknown};
use crate::kernel::{
    interface::{self, Interface},
    link_layer::{self, Header},
    link_message,
    objection::Objection,
};

/// The facts from an interface's link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkFacts {
    /// The header that its packets begin with, or the daemon's objection.
    pub header: Result<Header, Objection>,
    /// True if it is administratively up.
    pub is_up: bool,
    /// Maximum bytes of a frame after the Ethernet header.
    pub mtu: u32,
}

pub(super) fn look(interface: &Interface) -> Fact<LinkFacts> {
    let link = interface::link(interface.index)?;
    let mtu = link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Mtu(mtu) => Some(*mtu),
        _ => None,
    });
    Ok(LinkFacts {
        header: link_layer::header(&interface.name, &link),
        is_up: link.header.flags.contains(LinkFlags::Up),
        mtu: mtu.ok_or_else(|| Unknown::Failed("the kernel did not report the MTU".to_owned()))?,
    })
}

/// Returns the names of this network namespace's Ethernet interfaces that are up, without the loopback and
/// ifb devices. An ifb device receives no packets.
///
/// # Errors
/// [`Unknown`] if the kernel does not list them.
pub fn running_ethernet() -> Result<Vec<String>, Unknown> {
    let is_wanted = |link: &&LinkMessage| {
        link.header.link_layer_type == LinkLayerType::Ether
            && link.header.flags.contains(LinkFlags::Up)
            && link_layer::kind(link) != Some(&InfoKind::Ifb)
    };
    Ok(link_message::all(LinkMessage::default())?.iter().filter(is_wanted).map(link_message::name).collect())
}
