//! The link-layer header that an interface's packets begin with, as the kernel states it (`ifi_type` of `RTM_NEWLINK`).
//!
//! It decides before anything is loaded or attached. In a packet without an Ethernet header, the parser would take bytes of
//! the IP header for the `EtherType`, and its sender chooses those. Nothing here may guess.

use netlink_packet_core::Nla as _;
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoTun, LinkAttribute, LinkInfo, LinkLayerType, LinkMessage,
};
use nix::libc::ENODEV;

use super::interface::{Interface, InterfaceError, link};

/// `IFLA_TUN_TYPE` of a tun or tap device's data (`linux/if_link.h`), and its value for tun.
const TUN_TYPE: u16 = 3;
const IFF_TUN: u8 = 1;

/// The header that an interface's packets begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkLayer {
    /// An Ethernet header, on the loopback too.
    Ethernet,
    /// No Ethernet header: the link type's name, as in "ppp" or "none".
    Other(String),
}

impl LinkLayer {
    pub(super) fn of(link: &LinkMessage) -> Self {
        match link.header.link_layer_type {
            // TUNSETLINK lets a tun device state any link type. Its packets begin with the IP header all the same.
            LinkLayerType::Ether | LinkLayerType::Loopback if is_tun(link) => Self::Other("none".to_owned()),
            LinkLayerType::Ether | LinkLayerType::Loopback => Self::Ethernet,
            other => Self::Other(other.to_string().to_lowercase()),
        }
    }
}

impl Interface {
    /// Fails unless this network namespace has the interface now and Ethernet frames come in on it. The link type can
    /// change while a program is attached: by `TUNSETLINK`, or by a bond's first slave.
    ///
    /// # Errors
    /// [`InterfaceError::NotFound`] when the interface has gone, [`InterfaceError::NoEthernetHeader`] and
    /// [`InterfaceError::Ifb`] when it must not be watched, [`InterfaceError::Netlink`] when the kernel did not answer.
    pub fn require_frames(&self) -> Result<(), InterfaceError> {
        let name = self.name.clone();
        let link = match link(self.index) {
            Ok(link) => link,
            Err(error) if error.raw_os_error() == Some(ENODEV) => {
                return Err(InterfaceError::NotFound { name });
            }
            Err(source) => return Err(InterfaceError::Netlink { name, source }),
        };
        let kind = kind(&link);
        if kind == Some(&InfoKind::Ifb) {
            return Err(InterfaceError::Ifb { name });
        }
        match LinkLayer::of(&link) {
            LinkLayer::Ethernet => Ok(()),
            LinkLayer::Other(link_type) => {
                Err(InterfaceError::NoEthernetHeader { name, link_type, kind: kind.map(ToString::to_string) })
            }
        }
    }
}

/// The kind of a virtual device, as `ip link add type` calls it; `None` for a network card.
pub(super) fn kind(link: &LinkMessage) -> Option<&InfoKind> {
    infos(link).find_map(|info| match info {
        LinkInfo::Kind(kind) => Some(kind),
        _ => None,
    })
}

/// All that the kernel states about a virtual device or about a port of one.
pub(super) fn infos(link: &LinkMessage) -> impl Iterator<Item = &LinkInfo> {
    let infos = link.attributes.iter().filter_map(|attribute| match attribute {
        LinkAttribute::LinkInfo(infos) => Some(infos),
        _ => None,
    });
    infos.flatten()
}

/// Whether it is a tun device. A tap device, which is of the same kind, has Ethernet frames.
fn is_tun(link: &LinkMessage) -> bool {
    let data = infos(link).filter_map(|info| match info {
        LinkInfo::Data(InfoData::Tun(data)) => Some(data),
        _ => None,
    });
    data.flatten().any(|attribute| match attribute {
        InfoTun::Other(attribute) => {
            let mut value = [0];
            attribute.kind() == TUN_TYPE && attribute.value_len() == value.len() && {
                attribute.emit_value(&mut value);
                value == [IFF_TUN]
            }
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use netlink_packet_core::DefaultNla;

    use super::*;

    fn link(link_type: LinkLayerType, infos: &[LinkInfo]) -> LinkMessage {
        let mut link = LinkMessage::default();
        link.header.link_layer_type = link_type;
        link.attributes.push(LinkAttribute::LinkInfo(infos.to_vec()));
        link
    }

    #[test]
    fn only_ethernet_and_the_loopback_have_an_ethernet_header() {
        let of = |link_type| LinkLayer::of(&link(link_type, &[]));
        assert_eq!(of(LinkLayerType::Ether), LinkLayer::Ethernet);
        assert_eq!(of(LinkLayerType::Loopback), LinkLayer::Ethernet);
        for (link_type, name) in [
            (LinkLayerType::None, "none"),
            (LinkLayerType::Ppp, "ppp"),
            (LinkLayerType::Ipgre, "ipgre"),
            (LinkLayerType::Sit, "sit"),
            (LinkLayerType::Infiniband, "infiniband"),
            // The number of a type that this build does not know.
            (LinkLayerType::Void, "void"),
        ] {
            assert_eq!(of(link_type), LinkLayer::Other(name.to_owned()));
        }
    }

    /// `TUNSETLINK` changes the stated type only.
    #[test]
    fn a_tun_device_has_no_ethernet_header_whatever_type_it_states() {
        let data = |tun_type| {
            let data = InfoTun::Other(DefaultNla::new(TUN_TYPE, vec![tun_type]));
            [LinkInfo::Kind(InfoKind::Tun), LinkInfo::Data(InfoData::Tun(vec![data]))]
        };
        let (tun, tap) = (data(IFF_TUN), data(2));
        for link_type in [LinkLayerType::Ether, LinkLayerType::None, LinkLayerType::Loopback] {
            assert_eq!(LinkLayer::of(&link(link_type, &tun)), LinkLayer::Other("none".to_owned()));
        }
        assert_eq!(LinkLayer::of(&link(LinkLayerType::Ether, &tap)), LinkLayer::Ethernet);
        assert_eq!(kind(&link(LinkLayerType::Ether, &tap)), Some(&InfoKind::Tun));
        assert_eq!(kind(&link(LinkLayerType::Ether, &[])), None);
    }
}
