//! The link-layer header at the start of an interface's packets, as the kernel reports it (`ifi_type` of
//! `RTM_NEWLINK`).
//!
//! The daemon reads it before it loads or attaches anything, and it decides which program is attached. No
//! packet shows reliably which header it begins with: its sender chooses the bytes. This module must not
//! guess.

use netlink_packet_core::Nla as _;
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoTun, LinkAttribute, LinkInfo, LinkLayerType, LinkMessage,
};

use super::{
    interface::{Interface, InterfaceError},
    objection::Objection,
};

/// `IFLA_TUN_TYPE` in the data of a tun or tap device (`linux/if_link.h`), and its value for tun.
const TUN_TYPE: u16 = 3;
const IFF_TUN: u8 = 1;

/// The header that an interface's packets begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// An Ethernet header.
    Ethernet,
    /// An IP header.
    Ip,
}

impl Interface {
    /// Returns the header that its packets begin with. It can change while a program is attached: by a bond's
    /// first slave.
    ///
    /// # Errors
    /// [`InterfaceError::NotFound`] if the interface no longer exists, [`InterfaceError::Unfit`] if it must
    /// not be watched, [`InterfaceError::Netlink`] if the kernel did not answer.
    pub fn header(&self) -> Result<Header, InterfaceError> {
        Ok(header(&self.name, &self.link()?)?)
    }

    /// Fails unless its packets begin with an Ethernet header, as XDP programs require.
    ///
    /// # Errors
    /// Same as [`Interface::header`].
    pub fn require_frames(&self) -> Result<(), InterfaceError> {
        match self.header()? {
            Header::Ethernet => Ok(()),
            Header::Ip => Err(no_frames(&self.name).into()),
        }
    }
}

/// The objection of XDP to an interface without Ethernet headers.
pub(super) fn no_frames(name: &str) -> Objection {
    Objection {
        reason: format!(
            "interface {name:?}: its packets begin with the IP header, and XDP programs read only Ethernet frames"
        ),
        advice: "use --mode auto or --mode tc",
    }
}

/// Returns the header that the packets of this link begin with.
///
/// # Errors
/// An [`Objection`] if no program should watch the link.
pub(super) fn header(name: &str, link: &LinkMessage) -> Result<Header, Objection> {
    let kind = kind(link);
    if kind == Some(&InfoKind::Ifb) {
        return Err(Objection {
            reason: format!(
                "interface {name:?} is an ifb device: packets pass through it on their way back to the interface \
                 whose traffic it shapes, and no program sees them there"
            ),
            advice: "watch that interface",
        });
    }
    match link.header.link_layer_type {
        // TUNSETLINK sets any link type on a tun device. Its packets still begin with the IP header.
        _ if is_tun(link) => Ok(Header::Ip),
        LinkLayerType::Ether | LinkLayerType::Loopback => Ok(Header::Ethernet),
        // tun and WireGuard devices state no type.
        LinkLayerType::None
        | LinkLayerType::Rawip
        | LinkLayerType::Ppp
        | LinkLayerType::Tunnel
        | LinkLayerType::Tunnel6
        | LinkLayerType::Sit
        | LinkLayerType::Ipgre
        | LinkLayerType::Ip6gre => Ok(Header::Ip),
        other => {
            let kind = kind.map(|kind| format!(" (a {kind} device)")).unwrap_or_default();
            Err(Objection {
                reason: format!(
                    "interface {name:?} has link type {}{kind}: its packets begin with neither an Ethernet header nor an \
                     IP header, and d365-user reads no others",
                    other.to_string().to_lowercase()
                ),
                advice: "watch another interface",
            })
        }
    }
}

/// The kind of a virtual device, as in `ip link add type`; `None` for a network card.
pub(super) fn kind(link: &LinkMessage) -> Option<&InfoKind> {
    infos(link).find_map(|info| match info {
        LinkInfo::Kind(kind) => Some(kind),
        _ => None,
    })
}

/// All information that the kernel reports about a virtual device or about a port of one.
pub(super) fn infos(link: &LinkMessage) -> impl Iterator<Item = &LinkInfo> {
    let infos = link.attributes.iter().filter_map(|attribute| match attribute {
        LinkAttribute::LinkInfo(infos) => Some(infos),
        _ => None,
    });
    infos.flatten()
}

/// Returns true for a tun device. A tap device has the same kind, but Ethernet frames.
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
    fn the_link_type_decides_the_header() {
        let header = |link_type| header("m0", &link(link_type, &[]));
        for link_type in [LinkLayerType::Ether, LinkLayerType::Loopback] {
            assert_eq!(header(link_type).unwrap(), Header::Ethernet);
        }
        for link_type in [LinkLayerType::None, LinkLayerType::Ppp, LinkLayerType::Ipgre, LinkLayerType::Sit] {
            assert_eq!(header(link_type).unwrap(), Header::Ip);
        }
        // `ARPHRD_VOID`: nothing is known about the link.
        for (link_type, name) in [(LinkLayerType::Infiniband, "infiniband"), (LinkLayerType::Void, "void")] {
            let Objection { reason, .. } = header(link_type).unwrap_err();
            assert!(reason.starts_with(&format!("interface \"m0\" has link type {name}: ")), "{reason}");
        }
    }

    #[test]
    fn an_ifb_device_is_refused() {
        let ifb = link(LinkLayerType::Ether, &[LinkInfo::Kind(InfoKind::Ifb)]);
        assert!(header("ifb0", &ifb).unwrap_err().reason.contains("is an ifb device"));
    }

    /// `TUNSETLINK` changes only the reported link type.
    #[test]
    fn a_tun_device_has_no_ethernet_header_whatever_type_it_states() {
        let data = |tun_type| {
            let data = InfoTun::Other(DefaultNla::new(TUN_TYPE, vec![tun_type]));
            [LinkInfo::Kind(InfoKind::Tun), LinkInfo::Data(InfoData::Tun(vec![data]))]
        };
        let (tun, tap) = (data(IFF_TUN), data(2));
        for link_type in [LinkLayerType::Ether, LinkLayerType::None, LinkLayerType::Loopback] {
            assert_eq!(header("m0", &link(link_type, &tun)).unwrap(), Header::Ip);
        }
        assert_eq!(header("m0", &link(LinkLayerType::Ether, &tap)).unwrap(), Header::Ethernet);
        assert_eq!(kind(&link(LinkLayerType::Ether, &tap)), Some(&InfoKind::Tun));
        assert_eq!(kind(&link(LinkLayerType::Ether, &[])), None);
    }
}
