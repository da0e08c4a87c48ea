//! A veth pair between two namespaces, made inside them. No end is ever in the root namespace.

use std::{
    fmt,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use anyhow::{Context as _, Result};

use crate::{netns::Netns, patience};

/// A hardware address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// One end of a pair.
#[derive(Clone, Debug)]
pub struct End {
    /// The namespace of this end.
    pub netns: Netns,
    /// Interface name, at most 15 bytes.
    pub name: String,
    /// Hardware address.
    pub mac: Mac,
}

impl End {
    /// Describes an end that does not exist yet.
    pub fn new(netns: &Netns, name: impl Into<String>, mac: Mac) -> Self {
        Self { netns: netns.clone(), name: name.into(), mac }
    }
}

/// Makes the pair without ARP and neighbour discovery, sets MTU and hardware addresses, brings both ends up,
/// and waits until frames pass.
pub fn connect(a: &End, b: &End, mtu: u32) -> Result<()> {
    let (mtu, a_mac, b_mac) = (mtu.to_string(), a.mac.to_string(), b.mac.to_string());
    let near = ["link", "add", &a.name, "address", &a_mac, "mtu", &mtu, "type", "veth"];
    let far = ["peer", "name", &b.name, "address", &b_mac, "mtu", &mtu, "netns", &b.netns.path()];
    a.netns.ip(&[&near[..], &far[..]].concat())?;
    bring_up(&[a, b])
}

/// Brings interfaces up that send nothing by themselves, and waits until frames pass.
pub(crate) fn bring_up(ends: &[&End]) -> Result<()> {
    for end in ends {
        quiet(end)?;
        end.netns.ip(&["link", "set", "dev", &end.name, "arp", "off", "up"])?;
    }
    ends.iter().try_for_each(|end| wait_for_carrier(end))
}

/// Stops the interface's own IPv6 traffic: no link-local address, no duplicate address detection, no router
/// solicitation. Without ARP, the interface joins no solicited-node group either, so it sends no MLD report.
fn quiet(end: &End) -> Result<()> {
    let name = &end.name;
    for (parameter, value) in
        [("addr_gen_mode", "1"), ("accept_dad", "0"), ("accept_ra", "0"), ("router_solicitations", "0")]
    {
        end.netns.sysctl(&format!("net/ipv6/conf/{name}/{parameter}"), value)?;
    }
    for scope in ["all", name] {
        end.netns.sysctl(&format!("net/ipv4/conf/{scope}/rp_filter"), "0")?;
    }
    Ok(())
}

/// Waits until the kernel's link watch has given a veth its queue, which takes up to a second. Until then,
/// the veth drops everything that is sent.
pub fn wait_for_carrier(end: &End) -> Result<()> {
    let mut shown = String::new();
    let up = patience::wait(Duration::from_secs(10), || {
        shown = end.netns.ip(&["-o", "link", "show", "dev", &end.name])?;
        // The state follows the carrier (LOWER_UP) with a delay.
        let is_up = shown.contains("LOWER_UP") && shown.contains(" state UP ");
        Ok((is_up && !shown.contains(" qdisc noop ")).then_some(()))
    })?;
    up.with_context(|| format!("interface {} has no carrier after 10 s: {}", end.name, shown.trim()))
}

/// An interface name that no other test, run or end uses. `prefix` has at most 4 bytes.
pub fn unique_name(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let (run, number) = (std::process::id() & 0x3f_ffff, NEXT.fetch_add(1, Ordering::Relaxed) & 0xfff);
    format!("{prefix}{run:x}-{number:x}")
}

#[cfg(test)]
mod tests {
    use super::{Mac, unique_name};

    #[test]
    fn names_fit_and_differ() {
        let (one, two) = (unique_name("host"), unique_name("host"));
        assert_ne!(one, two);
        assert!(one.len() <= 15, "{one}");
    }

    #[test]
    fn a_mac_is_written_as_iproute2_reads_it() {
        assert_eq!(Mac([2, 0xd3, 0x65, 0, 0, 10]).to_string(), "02:d3:65:00:00:0a");
    }
}
