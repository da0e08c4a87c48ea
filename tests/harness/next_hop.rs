//! A mail server behind the lab's host, which forwards packets to it.
//!
//! Sender and server reach each other's networks only through the host.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context as _, Result};

use crate::{
    lab::{self, Lab, LabOptions},
    netns::Netns,
    veth::{self, End},
};

/// Number of the link between host and server, for its hardware addresses.
const LINK: u8 = 200;
/// The name of the server's interface in the documentation.
const INTERFACE: &str = "edge0";

/// The namespace behind the mail edge.
#[derive(Debug)]
pub struct NextHop {
    /// The namespace of the mail server.
    pub server: Netns,
    end: End,
}

impl NextHop {
    /// Makes the lab's host forward, and puts a server behind it that the sender reaches.
    pub fn behind(lab: &Lab) -> Result<Self> {
        for parameter in ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"] {
            lab.host.sysctl(parameter, "1")?;
        }
        let server = Netns::new()?;
        let edge = End::new(&lab.host, veth::unique_name("dmz"), lab::sender_mac(LINK));
        let end = End::new(&server, INTERFACE, lab::host_mac(LINK));
        lab::join(&edge, &end, LabOptions::default()).context("cannot put a server behind the host")?;
        for address in [IpAddr::from(lab::host_v4(LINK)), lab::host_v6(LINK).into()] {
            lab::add_address(&end, address)?;
            lab::route(&edge, address)?;
            lab::route(&lab.link().sender, address)?;
        }
        Ok(Self { server, end })
    }

    /// Adds the server's route to an address of the sender.
    pub fn add_source(&self, source: IpAddr) -> Result<()> {
        lab::route(&self.end, source)
    }

    /// The server's address in the family of `peer`.
    pub fn address_for(peer: IpAddr) -> IpAddr {
        let (v4, v6): (Ipv4Addr, Ipv6Addr) = (lab::host_v4(LINK), lab::host_v6(LINK));
        if peer.is_ipv4() { v4.into() } else { v6.into() }
    }
}
