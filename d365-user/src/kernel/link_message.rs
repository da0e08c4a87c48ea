//! Asks for link messages: one for each interface of this network namespace (`RTM_GETLINK`, rtnetlink(7)).

use std::io;

use netlink_packet_core::NLM_F_DUMP;
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{LinkAttribute, LinkMessage, Prop},
};
use netlink_sys::protocols::NETLINK_ROUTE;

use super::netlink;

/// Requests all links that `request` selects. The default request selects every link.
pub(super) fn all(request: LinkMessage) -> io::Result<Vec<LinkMessage>> {
    let answer = netlink::ask(NETLINK_ROUTE, RouteNetlinkMessage::GetLink(request), NLM_F_DUMP)?;
    let links = answer.into_iter().filter_map(|message| match message {
        RouteNetlinkMessage::NewLink(link) => Some(link),
        _ => None,
    });
    Ok(links.collect())
}

/// The kernel's own name for the interface.
pub(super) fn name(link: &LinkMessage) -> String {
    let name = link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::IfName(name) => Some(name.clone()),
        _ => None,
    });
    name.unwrap_or_default()
}

/// The alternative names of the interface.
pub(super) fn alternative_names(link: &LinkMessage) -> Vec<String> {
    let lists = link.attributes.iter().filter_map(|attribute| match attribute {
        LinkAttribute::PropList(list) => Some(list),
        _ => None,
    });
    let name = |property: &Prop| match property {
        Prop::AltIfName(name) => Some(name.clone()),
        _ => None,
    };
    lists.flatten().filter_map(name).collect()
}

/// The index of the device that it is a member of.
pub(super) fn master(link: &LinkMessage) -> Option<u32> {
    link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Controller(index) => Some(*index),
        _ => None,
    })
}

/// The index of the device below it.
pub(super) fn below(link: &LinkMessage) -> Option<u32> {
    link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Link(index) => Some(*index),
        _ => None,
    })
}
