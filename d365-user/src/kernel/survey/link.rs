//! What kind of link an interface is, over rtnetlink(7).

use std::io;

use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{LinkAttribute, LinkFlags, LinkLayerType, LinkMessage},
};
use netlink_sys::protocols::NETLINK_ROUTE;

use super::{Fact, Unknown};
use crate::kernel::{interface, netlink};

/// An interface's kind, state and MTU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkFacts {
    /// Whether its frames begin with an Ethernet header: true of the loopback too.
    pub has_ethernet_header: bool,
    /// Whether it is switched on.
    pub is_up: bool,
    /// Most bytes of a frame behind the Ethernet header.
    pub mtu: Option<u32>,
}

pub(super) fn look(index: u32) -> Fact<LinkFacts> {
    let link = interface::link(index)?;
    Ok(LinkFacts {
        has_ethernet_header: matches!(
            link.header.link_layer_type,
            LinkLayerType::Ether | LinkLayerType::Loopback
        ),
        is_up: link.header.flags.contains(LinkFlags::Up),
        mtu: link.attributes.iter().find_map(|attribute| match attribute {
            LinkAttribute::Mtu(mtu) => Some(*mtu),
            _ => None,
        }),
    })
}

/// The names of this network namespace's Ethernet interfaces that are up, the loopback left out.
///
/// # Errors
/// [`Unknown`] when the kernel does not list them.
pub fn running_ethernet() -> Result<Vec<String>, Unknown> {
    let links: io::Result<Vec<_>> =
        netlink::dump(NETLINK_ROUTE, RouteNetlinkMessage::GetLink(LinkMessage::default()));
    let name = |message: RouteNetlinkMessage| match message {
        RouteNetlinkMessage::NewLink(link)
            if link.header.link_layer_type == LinkLayerType::Ether
                && link.header.flags.contains(LinkFlags::Up) =>
        {
            link.attributes.into_iter().find_map(|attribute| match attribute {
                LinkAttribute::IfName(name) => Some(name),
                _ => None,
            })
        }
        _ => None,
    };
    Ok(links?.into_iter().filter_map(name).collect())
}
