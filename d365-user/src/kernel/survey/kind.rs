//! The kind of a device, and the devices that it is stacked with, over rtnetlink(7).

use netlink_packet_route::link::LinkMessage;

use crate::kernel::{link_layer, stack::Stack};

/// The kind of a device, and its neighbours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The kind, as in `ip link add type`; `None` for a network card.
    pub name: Option<String>,
    /// The names of the devices directly below: ports, members, or the carrier.
    pub below: Vec<String>,
    /// The names of the devices directly above that it carries, without a bridge, bond or team that it is a
    /// member of.
    pub above: Vec<String>,
}

/// The kind of the link that has this index.
pub(super) fn of(index: u32, links: &[LinkMessage], stack: &Stack) -> Kind {
    let link = links.iter().find(|link| link.header.index == index);
    Kind {
        name: link.and_then(link_layer::kind).map(ToString::to_string),
        below: stack.below(index).map(|device| device.name.clone()).collect(),
        above: stack.carried(index).map(|device| device.name.clone()).collect(),
    }
}
