//! The link-layer header at the start of an interface's packets, as the kernel reports it (`ifi_type` of
//! `RTM_NEWLINK`).
//!
//! The daemon checks it before it loads or attaches anything. In a packet without an Ethernet header, the
//! parser would read the `EtherType` from bytes of the IP header, and the sender chooses those bytes. This
//! module must not guess.

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

impl Interface {
    /// Fails unless the interface is in this network namespace and receives Ethernet frames. The link type
    /// can change while a program is attached: by `TUNSETLINK`, or by a bond's first slave.
    ///
    /// # Errors
    /// [`InterfaceError::NotFound`] if the interface no longer exists, [`InterfaceError::Unfit`] if it must
    /// not be watched, [`InterfaceError::Netlink`] if the kernel did not answer.
    pub fn require_frames(&self) -> Result<(), InterfaceError> {
        Ok(require_frames(&self.name, &self.link()?)?)
    }
}

/// Fails unless the packets of this link begin with an Ethernet header, as the loopback's do, and an XDP
/// program sees them.
pub(super) fn require_frames(name: &str, link: &LinkMessage) -> Result<(), Objection> {
    let kind = kind(link);
    if kind == Some(&InfoKind::Ifb) {
        return Err(Objection {
            reason: format!(
                "interface {name:?} is an ifb device: packets pass through it on their way back to the interface \
                 whose traffic it shapes, and no XDP program sees them there"
            ),
            advice: "watch that interface",
        });
    }
    let link_type = match link.header.link_layer_type {
        // TUNSETLINK sets any link type on a tun device. Its packets still start with the IP header.
        LinkLayerType::Ether | LinkLayerType::Loopback if is_tun(link) => LinkLayerType::None,
        LinkLayerType::Ether | LinkLayerType::Loopback => return Ok(()),
        other => other,
    };
    let (link_type, kind) =
        (link_type.to_string().to_lowercase(), kind.map(|kind| format!(" (a {kind} device)")));
    Err(Objection {
        reason: format!(
            "interface {name:?} has link type {link_type}{}: its packets do not begin with an Ethernet header, and \
             d365-user reads no others",
            kind.unwrap_or_default()
        ),
        advice: "watch an Ethernet interface. On the one below a tunnel, mail inside the tunnel counts as not_tcp",
    })
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

    /// The link type, and the kind of a virtual device, for which a link is refused.
    fn refused_type(link: &LinkMessage) -> Option<String> {
        let Objection { reason, .. } = require_frames("m0", link).err()?;
        let (_, behind) = reason.split_once("\"m0\" has link type ").unwrap();
        Some(behind.split_once(": its packets").unwrap().0.to_owned())
    }

    #[test]
    fn only_ethernet_and_the_loopback_have_an_ethernet_header() {
        let refused = |link_type| refused_type(&link(link_type, &[]));
        assert_eq!(refused(LinkLayerType::Ether), None);
        assert_eq!(refused(LinkLayerType::Loopback), None);
        for (link_type, name) in [
            (LinkLayerType::None, "none"),
            (LinkLayerType::Ppp, "ppp"),
            (LinkLayerType::Ipgre, "ipgre"),
            (LinkLayerType::Sit, "sit"),
            (LinkLayerType::Infiniband, "infiniband"),
            // `ARPHRD_VOID`: nothing is known about the link.
            (LinkLayerType::Void, "void"),
        ] {
            assert_eq!(refused(link_type).as_deref(), Some(name));
        }
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
            assert_eq!(refused_type(&link(link_type, &tun)).as_deref(), Some("none (a tun device)"));
        }
        assert_eq!(refused_type(&link(LinkLayerType::Ether, &tap)), None);
        assert_eq!(kind(&link(LinkLayerType::Ether, &tap)), Some(&InfoKind::Tun));
        assert_eq!(kind(&link(LinkLayerType::Ether, &[])), None);
    }
}
