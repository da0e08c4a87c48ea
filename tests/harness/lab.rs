//! A sender and a mail edge host, each in a network namespace of its own, connected by veth pairs or by a
//! network card.
//!
//! There is no router and no way out. The host answers any source address of the sender over the link, so
//! sources can have addresses of the real ranges. Only the test's own packets are on the links: neighbours
//! are static, and the interfaces send no ARP, no neighbour discovery and no MLD.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use anyhow::{Context as _, Result};

use crate::{
    netns::Netns,
    nic::{self, Card},
    offload::{self, Offload},
    patience,
    veth::{self, End, Mac},
};

/// The addresses by which each end of a link reaches the other. They are next hops only, and never appear in
/// a packet.
const NEXT_HOP_V4: &str = "169.254.0.1";
const NEXT_HOP_V6: &str = "fe80::1";

/// Hardware address of the sender's end of a link.
pub const fn sender_mac(link: u8) -> Mac {
    Mac([0x02, 0xd3, 0x65, 0x00, link, 0x01])
}

/// Hardware address of the host's end of a link.
pub const fn host_mac(link: u8) -> Mac {
    Mac([0x02, 0xd3, 0x65, 0x00, link, 0x02])
}

/// The host's IPv4 address on a link, from the range for benchmarks (RFC 2544).
pub const fn host_v4(link: u8) -> Ipv4Addr {
    Ipv4Addr::new(198, 18, link, 25)
}

/// The host's IPv6 address on a link, from the documentation range (RFC 3849).
pub const fn host_v6(link: u8) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0xd365, link as u16, 0, 0, 0, 25)
}

/// Shape of a lab.
#[derive(Clone, Copy, Debug)]
pub struct LabOptions {
    /// Number of veth pairs.
    pub links: u8,
    /// MTU of all pairs.
    pub mtu: u32,
    /// True to leave segmentation and checksums to the interfaces, as a real host does. False by default:
    /// then each packet on the link is one that a wire could carry, and counts are exact.
    pub offloads: bool,
}

impl Default for LabOptions {
    fn default() -> Self {
        Self { links: 1, mtu: 1500, offloads: false }
    }
}

/// One veth pair of a lab.
#[derive(Clone, Debug)]
pub struct Link {
    number: u8,
    /// The sender's end.
    pub sender: End,
    /// The mail edge's end: the interface to watch.
    pub host: End,
}

impl Link {
    /// Returns the same link with its host's end in another namespace.
    pub fn host_in(&self, netns: &Netns) -> Self {
        let host = End { netns: netns.clone(), ..self.host.clone() };
        Self { host, ..self.clone() }
    }

    /// The host's IPv4 address on this link.
    pub fn host_v4(&self) -> Ipv4Addr {
        host_v4(self.number)
    }

    /// The host's IPv6 address on this link.
    pub fn host_v6(&self) -> Ipv6Addr {
        host_v6(self.number)
    }

    /// The host's address on this link in the family of `peer`.
    pub fn host_for(&self, peer: IpAddr) -> IpAddr {
        match peer {
            IpAddr::V4(_) => self.host_v4().into(),
            IpAddr::V6(_) => self.host_v6().into(),
        }
    }
}

/// Two namespaces and the links between them.
#[derive(Debug)]
pub struct Lab {
    /// The namespace that mail comes from.
    pub sender: Netns,
    /// The namespace of the mail edge.
    pub host: Netns,
    /// At least one link.
    pub links: Vec<Link>,
}

impl Lab {
    /// A lab with one link, MTU 1500 and no offloads.
    pub fn new() -> Result<Self> {
        Self::with(LabOptions::default())
    }

    /// A lab of this shape.
    pub fn with(options: LabOptions) -> Result<Self> {
        let (sender, host) = (Netns::new()?, Netns::new()?);
        let links = (0..options.links.max(1)).map(|number| connect(&sender, &host, number, options));
        let links = links.collect::<Result<_>>().context("cannot build the lab")?;
        Ok(Self { sender, host, links })
    }

    /// A lab of one link: the network card of a machine that was made for the tests, and its far end.
    pub fn on_cards(options: LabOptions) -> Result<Self> {
        let (sender, host) = (Netns::new()?, Netns::new()?);
        // The card gets its default settings, whatever an earlier test has set.
        let card = Card::find(host_mac(0))?;
        card.unbind()?;
        card.bind()?;
        let (far, near) = (nic::take(&sender, sender_mac(0))?, nic::take(&host, host_mac(0))?);
        for end in [&far, &near] {
            end.netns.ip(&["link", "set", "dev", &end.name, "mtu", &options.mtu.to_string()])?;
            // The far end, which keeps its settings, cannot have GSO: its card has no checksum offload.
            let off = |offload| end.netns.run(|| offload::set(&end.name, offload, false));
            let offloads = if options.offloads { &[][..] } else { &[Offload::Gso, Offload::Gro] };
            offloads.iter().copied().try_for_each(off)?;
        }
        veth::bring_up(&[&far, &near])?;
        let link = Link { number: 0, sender: far, host: near };
        know_each_other(&link.sender, &link.host)?;
        give_addresses(&link)?;
        Ok(Self { sender, host, links: vec![link] })
    }

    /// The same hosts with another link: a VLAN on the first one.
    pub fn tagged(&self, vlan: u8) -> Result<Self> {
        let mut link = Link { number: vlan, ..self.link().clone() };
        for end in [&mut link.sender, &mut link.host] {
            let (carrier, id) = (end.name.clone(), vlan.to_string());
            end.name = format!("{carrier}.{id}");
            let add = ["link", "add", "link", &carrier, "name", &end.name, "type", "vlan", "id", &id];
            end.netns.ip(&add)?;
        }
        veth::bring_up(&[&link.sender, &link.host])?;
        know_each_other(&link.sender, &link.host)?;
        give_addresses(&link)?;
        Ok(Self { sender: self.sender.clone(), host: self.host.clone(), links: vec![link] })
    }

    /// The first link.
    pub fn link(&self) -> &Link {
        &self.links[0]
    }

    /// Name of the interface to watch on the first link.
    pub fn iface(&self) -> &str {
        &self.link().host.name
    }

    /// Gives the sender an address on the first link.
    pub fn add_source(&self, source: IpAddr) -> Result<()> {
        self.add_source_on(0, source)
    }

    /// Gives the sender an address on a link. The host answers it over the same link.
    pub fn add_source_on(&self, link: usize, source: IpAddr) -> Result<()> {
        let link = &self.links[link];
        add_address(&link.sender, source)?;
        route(&link.host, source)
    }
}

fn connect(sender: &Netns, host: &Netns, number: u8, options: LabOptions) -> Result<Link> {
    let link = Link {
        number,
        sender: End::new(sender, veth::unique_name("snd"), sender_mac(number)),
        host: End::new(host, veth::unique_name("mx"), host_mac(number)),
    };
    join(&link.sender, &link.host, options)?;
    give_addresses(&link)?;
    Ok(link)
}

/// Gives the host its addresses on a link.
fn give_addresses(link: &Link) -> Result<()> {
    for address in [link.host_v4().into(), link.host_v6().into()] {
        add_address(&link.host, address)?;
        route(&link.sender, address)?;
    }
    Ok(())
}

/// Connects two ends. Each reaches the other by the addresses of the next hops.
pub(crate) fn join(a: &End, b: &End, options: LabOptions) -> Result<()> {
    veth::connect(a, b, options.mtu)?;
    know_each_other(a, b)?;
    if !options.offloads {
        for end in [a, b] {
            let off = |offload| end.netns.run(|| offload::set(&end.name, offload, false));
            [Offload::TxChecksum, Offload::Tso, Offload::Gso, Offload::Gro].into_iter().try_for_each(off)?;
        }
    }
    Ok(())
}

/// Gives each end the hardware address of the other.
fn know_each_other(a: &End, b: &End) -> Result<()> {
    for (end, peer) in [(a, b), (b, a)] {
        let (dev, mac) = (&end.name, peer.mac.to_string());
        for next_hop in [NEXT_HOP_V4, NEXT_HOP_V6] {
            end.netns.ip(&["neigh", "add", next_hop, "lladdr", &mac, "dev", dev, "nud", "permanent"])?;
        }
    }
    Ok(())
}

/// Adds only the address, on one end.
pub(crate) fn add_address(end: &End, address: IpAddr) -> Result<()> {
    let (netns, text) = (&end.netns, address.to_string());
    if address.is_ipv4() {
        netns.ip(&["address", "add", &text, "dev", &end.name])?;
        return Ok(());
    }
    netns.ip(&["-6", "address", "add", &text, "dev", &end.name, "nodad"])?;
    // Even without duplicate address detection, the kernel accepts packets to the address only a moment
    // later.
    let usable = patience::wait(Duration::from_secs(5), || {
        Ok(netns.ip(&["-6", "route", "get", &text])?.starts_with("local").then_some(()))
    })?;
    usable.with_context(|| format!("{address} on {} is not usable after 5 s", end.name))
}

/// Adds the route from one end to an address at the other end.
pub(crate) fn route(end: &End, to: IpAddr) -> Result<()> {
    let next_hop = if to.is_ipv4() { NEXT_HOP_V4 } else { NEXT_HOP_V6 };
    let family = if to.is_ipv4() { "-4" } else { "-6" };
    end.netns.ip(&[family, "route", "add", &to.to_string(), "via", next_hop, "dev", &end.name, "onlink"])?;
    Ok(())
}
