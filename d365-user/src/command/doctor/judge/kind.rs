//! The check of the device's kind: which packets are counted on it, and which are counted elsewhere.

use super::super::finding::{Judged, ok};
use crate::kernel::{
    Header,
    survey::{InterfaceFacts, Kind},
};

pub(super) fn judge(facts: &InterfaceFacts) -> Judged<'_> {
    let header = facts.link.as_ref().ok().and_then(|link| link.header.as_ref().ok()).copied();
    ok(describe(facts.kind.as_ref()?, header))
}

/// Describes a device whose packets begin with `header`; `None` if it is not known or the daemon refuses the
/// device.
fn describe(Kind { name, below, above }: &Kind, header: Option<Header>) -> String {
    let lower = if below.is_empty() { "no device".to_owned() } else { below.join(", ") };
    let mut found = match name.as_deref() {
        None => "a network card".to_owned(),
        // The check of the interface has the reason.
        Some(kind) if header.is_none() => format!("a {kind} device"),
        Some(kind) if header == Some(Header::Ip) => format!(
            "a {kind} tunnel: packets inside the tunnel are counted here, by tc; the device that carries it counts the \
             tunnel's own packets, as no mail"
        ),
        Some(kind @ ("bond" | "team")) => {
            format!("a {kind} of {lower}: the packets that it accepts from any of them are counted here")
        }
        Some("bridge") => format!(
            "a bridge of {lower}: packets for this host are counted here, forwarded packets only on its ports"
        ),
        Some("vlan") => format!(
            "a VLAN device on {lower}: the packets of this VLAN are counted here; {lower} counts those of every VLAN"
        ),
        Some(kind @ ("macvlan" | "macvtap" | "ipvlan" | "ipvtap")) => format!(
            "a {kind} device on {lower}: packets for its own address are counted here; {lower} counts those for any \
             address"
        ),
        Some("veth") => {
            "an end of a veth pair: packets that the other end sends are counted here; mail for a container \
                         arrives at the end inside the container"
                .to_owned()
        }
        Some("tun") => {
            "a tap device: packets that its process sends are counted here, as a virtual machine's; mail for \
                        the virtual machine arrives on another interface"
                .to_owned()
        }
        Some(kind @ ("vxlan" | "geneve" | "gretap" | "ip6gretap")) => format!(
            "a {kind} tunnel: packets inside the tunnel are counted here; the device that carries it counts the tunnel's \
             own packets, as no mail"
        ),
        Some(kind) => format!("a {kind} device"),
    };
    if !above.is_empty() && header.is_some() {
        found = format!("{found}; packets for {} are counted here too", above.join(", "));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: Option<&str>, below: &[&str], above: &[&str]) -> Kind {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Kind { name: name.map(str::to_owned), below: names(below), above: names(above) }
    }

    #[test]
    fn the_kind_says_what_is_counted() {
        assert_eq!(describe(&kind(None, &[], &[]), Some(Header::Ethernet)), "a network card");
        let carrier = describe(&kind(None, &[], &["eth0.5", "mv0"]), Some(Header::Ethernet));
        assert_eq!(carrier, "a network card; packets for eth0.5, mv0 are counted here too");
        for (name, below, begin) in [
            ("bond", &["eth0", "eth1"][..], "a bond of eth0, eth1: "),
            ("bond", &[], "a bond of no device: "),
            ("bridge", &["eth0"], "a bridge of eth0: "),
            ("vlan", &["eth0"], "a VLAN device on eth0: "),
            ("macvlan", &["eth0"], "a macvlan device on eth0: "),
            ("veth", &[], "an end of a veth pair: "),
            ("tun", &[], "a tap device: "),
            ("vxlan", &[], "a vxlan tunnel: "),
            ("dummy", &[], "a dummy device"),
        ] {
            let text = describe(&kind(Some(name), below, &[]), Some(Header::Ethernet));
            assert!(text.starts_with(begin), "{text}");
        }
        assert_eq!(describe(&kind(Some("tun"), &[], &[]), None), "a tun device");
        assert!(describe(&kind(Some("gre"), &[], &[]), Some(Header::Ip)).starts_with("a gre tunnel: "));
    }
}
