//! The prefixes from which `--unlisted drop` never drops: the operator's prefixes, loopback, link-local
//! addresses, and the subnets of this host's own addresses.
//!
//! The subnets of all interfaces count, not only those of the watched ones: on a bond, a bridge or a VLAN the
//! address is on another interface. An error must never make the list smaller.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::{Duration, Instant},
};

use ipnet::IpNet;
use nix::{
    errno::Errno,
    ifaddrs::{InterfaceAddress, getifaddrs},
    sys::socket::SockaddrStorage,
};

use super::state::State;
use crate::{
    config::Config,
    kernel::{InterfaceError, Kernel, PublishError},
    logging::{duration, list},
    settings::Unlisted,
};

/// Time between two looks at this host's addresses.
const LOOK: Duration = Duration::from_mins(1);

/// Loopback (RFC 1122, RFC 4291) and IPv6's link-local addresses (RFC 4291): these are neighbours, and a mail
/// host has few of them.
const ALWAYS: [IpNet; 3] = [
    IpNet::new_assert(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
    IpNet::new_assert(IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
    IpNet::new_assert(IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), 10),
];

/// The prefixes and their inputs.
pub(crate) struct Failsafe {
    given: Vec<IpNet>,
    prefixes: Vec<IpNet>,
    look_at: Instant,
    is_stuck: bool,
}

/// An error that keeps the prefixes from being set. Without them nothing is dropped.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the variants and fields are")]
pub enum FailsafeError {
    #[error("cannot read this host's addresses, from which --unlisted drop must never drop: {0}")]
    Addresses(Errno),
    /// The kernel does not answer for an interface, which may have taken its addresses to another network
    /// namespace.
    #[error("cannot read from which subnets --unlisted drop must never drop: {0}")]
    Interface(#[from] InterfaceError),
    #[error("cannot set the prefixes from which --unlisted drop must never drop: {0}")]
    Publish(#[from] Box<PublishError>),
}

impl Failsafe {
    /// Sets the prefixes and logs what will be dropped, before anything can be dropped. Returns `None` if
    /// nothing is to be dropped.
    pub(crate) fn arm(config: &Config, kernel: &mut Kernel) -> Result<Option<Self>, FailsafeError> {
        let Unlisted::Drop { failsafe: given } = &config.unlisted else { return Ok(None) };
        let prefixes = prefixes(given, &own_subnets()?);
        kernel.set_failsafe(&prefixes).map_err(Box::new)?;
        notice(&config.ports, &prefixes, config.interfaces.texts());
        let (given, look_at) = (given.clone(), Instant::now() + LOOK);
        Ok(Some(Self { given, prefixes, look_at, is_stuck: false }))
    }

    pub(crate) fn prefixes(&self) -> &[IpNet] {
        &self.prefixes
    }

    /// Makes the next [`keep`](Self::keep) look at the addresses at once.
    pub(crate) fn look_soon(&mut self) {
        self.look_at = Instant::now();
    }

    /// Looks at this host's addresses after a reported change and once a minute, and updates the prefixes in
    /// the kernel. On an error the previous prefixes stay.
    pub(crate) fn keep(&mut self, kernel: &mut Kernel, state: &State) {
        if Instant::now() < self.look_at {
            return;
        }
        self.look_at = Instant::now() + LOOK;
        match self.follow(kernel, state) {
            Ok(false) => self.is_stuck = false,
            Ok(true) => {
                self.is_stuck = false;
                tracing::info!(
                    except = list(&self.prefixes),
                    "this host's addresses have changed: the prefixes that are never dropped"
                );
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_stuck, true) {
                    tracing::error!(
                        %error, next_try = %duration(LOOK),
                        "the prefixes that are never dropped stay as they were"
                    );
                }
            }
        }
    }

    /// Updates the prefixes at once. Returns true if they are those of this host's present addresses.
    pub(super) fn refresh(&mut self, kernel: &mut Kernel, state: &State) -> bool {
        self.look_soon();
        self.keep(kernel, state);
        !self.is_stuck
    }

    /// Reads the addresses and updates the kernel. Returns true if the prefixes have changed.
    fn follow(&mut self, kernel: &mut Kernel, state: &State) -> Result<bool, FailsafeError> {
        let now = prefixes(&self.given, &own_subnets()?);
        if now == self.prefixes {
            return Ok(false);
        }
        // The daemon leaves interfaces that are gone first: an interface that took its addresses away must
        // not drop by the prefixes of those that stayed.
        state.leave_gone()?;
        kernel.set_failsafe(&now).map_err(Box::new)?;
        self.prefixes = now;
        Ok(true)
    }
}

/// Logs what `--unlisted drop` will drop on these interfaces, and how it ends. All prefixes are shown: an
/// operator who is locked out looks here.
fn notice<'a>(ports: &[u16], failsafe: &[IpNet], interfaces: impl Iterator<Item = &'a str>) {
    let port = list(ports);
    for iface in interfaces {
        tracing::warn!(
            iface,
            port,
            "--unlisted drop: new TCP connections are DROPPED unless they come from a listed or retired range: all other \
             mail is turned away"
        );
    }
    tracing::warn!(except = list(failsafe), "never dropped: new connections from these prefixes");
    tracing::warn!(
        "established connections pass, and nothing is dropped while the list is not trusted (its lease); stopping \
         d365-user ends it, and so does starting it without --unlisted drop"
    );
}

/// Merges all prefixes into the fewest that cover the same addresses: IPv4 first, sorted by address, none
/// inside another.
fn prefixes(given: &[IpNet], own: &[IpNet]) -> Vec<IpNet> {
    let all: Vec<IpNet> = ALWAYS.iter().chain(given).chain(own).map(IpNet::trunc).collect();
    let mut all = IpNet::aggregate(&all);
    all.sort_unstable();
    all
}

/// The subnets of this network namespace's addresses.
fn own_subnets() -> Result<Vec<IpNet>, FailsafeError> {
    Ok(getifaddrs().map_err(FailsafeError::Addresses)?.flat_map(|address| subnets(&address)).collect())
}

/// The subnet of an address, and that of its peer on a point-to-point link.
fn subnets(address: &InterfaceAddress) -> Vec<IpNet> {
    let mask = address.netmask.as_ref().and_then(ip);
    let ends = [&address.address, &address.destination].into_iter().flatten().filter_map(ip);
    // Without a valid mask, the prefix is the address alone.
    ends.map(|end| mask.and_then(|mask| IpNet::with_netmask(end, mask).ok()).unwrap_or(end.into())).collect()
}

fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|address| address.ip().into());
    v4.or_else(|| address.as_sockaddr_in6().map(|address| address.ip().into()))
}

#[cfg(test)]
mod tests {
    use nix::net::if_::InterfaceFlags;
    use proptest::{collection, prelude::*};

    use super::*;
    use crate::logging::logged;

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn the_operators_the_hosts_and_those_of_every_host_add_up() {
        assert_eq!(prefixes(&[], &[]), nets(&["127.0.0.0/8", "::1/128", "fe80::/10"]));
        let given = nets(&["203.0.113.7/32", "198.51.100.0/25", "2001:db8::/32"]);
        let own =
            nets(&["127.0.0.1/8", "192.0.2.25/24", "198.51.100.128/25", "fe80::1/64", "2001:db8:1::25/64"]);
        let expected = [
            "127.0.0.0/8",
            "192.0.2.0/24",
            "198.51.100.0/24",
            "203.0.113.7/32",
            "::1/128",
            "2001:db8::/32",
            "fe80::/10",
        ];
        assert_eq!(prefixes(&given, &own), nets(&expected));
    }

    fn address(address: &str, netmask: Option<&str>, destination: Option<&str>) -> Vec<IpNet> {
        let storage = |text: &str| SockaddrStorage::from(std::net::SocketAddr::new(text.parse().unwrap(), 0));
        subnets(&InterfaceAddress {
            interface_name: "eth0".to_owned(),
            flags: InterfaceFlags::empty(),
            address: Some(storage(address)),
            netmask: netmask.map(storage),
            broadcast: None,
            destination: destination.map(storage),
        })
    }

    #[test]
    fn an_address_tells_of_its_subnet() {
        assert_eq!(address("192.0.2.25", Some("255.255.255.0"), None), nets(&["192.0.2.25/24"]));
        assert_eq!(address("2001:db8::25", Some("ffff:ffff:ffff:ffff::"), None), nets(&["2001:db8::25/64"]));
        let both = nets(&["10.0.0.1/32", "10.0.0.2/32"]);
        assert_eq!(address("10.0.0.1", Some("255.255.255.255"), Some("10.0.0.2")), both);
        for odd in [None, Some("255.0.255.0")] {
            assert_eq!(address("192.0.2.25", odd, None), nets(&["192.0.2.25/32"]), "{odd:?}");
        }
        let link_layer = InterfaceAddress {
            interface_name: "eth0".to_owned(),
            flags: InterfaceFlags::empty(),
            address: None,
            netmask: None,
            broadcast: None,
            destination: None,
        };
        assert_eq!(subnets(&link_layer), []);
    }

    /// A reader of these lines learns which mail will be dropped, and how to end it.
    #[test]
    fn the_notice_of_drops_leaves_nothing_out() {
        let failsafe = nets(&["127.0.0.0/8", "2001:db8::/64"]);
        let lines = logged(|| notice(&[25, 587], &failsafe, ["eth0", "eth1"].into_iter()));
        let parts = [
            &["WARN", "--unlisted drop", "are DROPPED", "listed or retired range", " iface=eth0 port=25,587"]
                [..],
            &["WARN", "--unlisted drop", "are DROPPED", "listed or retired range", " iface=eth1 port=25,587"],
            &["WARN", "never dropped: new connections from", " except=127.0.0.0/8,2001:db8::/64"],
            &["WARN", "established connections pass", "lease", "stopping d365-user ends it"],
        ];
        assert_eq!(lines.len(), parts.len(), "{lines:?}");
        for (line, parts) in lines.iter().zip(parts) {
            assert!(parts.iter().all(|part| line.contains(part)), "{parts:?} in {line}");
        }
    }

    fn any_prefix() -> impl Strategy<Value = IpNet> {
        any::<(IpAddr, u8)>().prop_map(|(address, length)| {
            IpNet::new(address, length % if address.is_ipv4() { 33 } else { 129 }).unwrap()
        })
    }

    proptest! {
        /// The same addresses are safe, however the prefixes are written.
        #[test]
        fn nobody_is_left_out_or_added(
            given in collection::vec(any_prefix(), 0..6),
            own in collection::vec(any_prefix(), 0..6),
            elsewhere: IpAddr,
        ) {
            let all = prefixes(&given, &own);
            let inputs = || ALWAYS.iter().chain(&given).chain(&own);
            for address in inputs().flat_map(|net| [net.addr(), net.network(), net.broadcast()]) {
                prop_assert!(all.iter().any(|net| net.contains(&address)), "{address} in {all:?}");
            }
            let is_safe = inputs().any(|net| net.contains(&elsewhere));
            prop_assert_eq!(all.iter().any(|net| net.contains(&elsewhere)), is_safe);
            for net in &all {
                prop_assert!(inputs().any(|input| net.contains(&input.addr())), "{net} of none");
                prop_assert_eq!(all.iter().filter(|other| other.contains(net)).count(), 1);
            }
        }
    }
}
