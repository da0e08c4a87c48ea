//! The hosts that are contacted directly although there is a proxy: the value of `NO_PROXY`, by the rules of
//! curl and Go. Pure: no I/O.
//!
//! Entries are separated by commas or white space. An entry is `*`, `host`, `.suffix`, `*.suffix`, an address
//! or a CIDR prefix, with or without `:port`. An IPv6 address with a port is in brackets. A name matches
//! itself and everything below it. Addresses and prefixes are compared only with a host that is an address:
//! no name is looked up. An entry of another form is ignored, as curl and Go do, because the variable belongs
//! to all programs of the host.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Host;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NoProxy(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    hosts: Hosts,
    /// `None` for every port.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    All,
    /// A name in lower case, without a dot at either end.
    Domain(String),
    Net(IpNet),
}

impl NoProxy {
    pub(super) fn parse(value: &str) -> Self {
        let entries = value.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty());
        Self(entries.filter_map(Entry::parse).collect())
    }

    /// True if this host is contacted directly.
    pub(super) fn holds(&self, host: &Host) -> bool {
        let name = host.name().trim_end_matches('.');
        let address = address(name);
        let is_held = |entry: &Entry| {
            let is_of = match &entry.hosts {
                Hosts::All => true,
                Hosts::Net(net) => address.is_some_and(|address| net.contains(&address)),
                Hosts::Domain(domain) => {
                    let above = name.strip_suffix(domain.as_str());
                    address.is_none() && above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
                }
            };
            is_of && entry.port.is_none_or(|port| port == host.port())
        };
        self.0.iter().any(is_held)
    }
}

impl Entry {
    fn parse(text: &str) -> Option<Self> {
        // An IPv6 address contains colons.
        if let Some(hosts) = Hosts::of_numbers(text) {
            return Some(Self { hosts, port: None });
        }
        let (hosts, port) = match text.rsplit_once(':') {
            Some((hosts, port)) => (hosts, Some(port.parse().ok().filter(|port| *port != 0)?)),
            None => (text, None),
        };
        Some(Self { hosts: Hosts::parse(hosts)?, port })
    }
}

impl Hosts {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::All);
        }
        if let Some(net) = Self::of_numbers(text) {
            return Some(net);
        }
        let domain = text.strip_prefix("*.").or_else(|| text.strip_prefix('.')).unwrap_or(text);
        let domain = domain.trim_end_matches('.');
        let is_name = !domain.is_empty() && !domain.contains(['/', ':', '[', ']', '*']);
        is_name.then(|| Self::Domain(domain.to_ascii_lowercase()))
    }

    /// Reads an address or a prefix.
    fn of_numbers(text: &str) -> Option<Self> {
        text.parse().ok().or_else(|| address(text).map(IpNet::from)).map(Self::Net)
    }
}

/// Reads an address, in brackets or without. An IPv4 address inside an IPv6 address becomes IPv4.
fn address(text: &str) -> Option<IpAddr> {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    inner.parse().ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direct(entries: &str, host: &str) -> bool {
        NoProxy::parse(entries).holds(&host.parse().unwrap())
    }

    #[test]
    fn a_name_stands_for_itself_and_what_is_below_it() {
        for entries in
            ["a.example", ".a.example", "*.a.example", "x, a.example ,y", "x a.example\ty", "*", "A.Example."]
        {
            for host in ["a.example", "b.a.example", "A.example.", "c.b.a.example:8443"] {
                assert!(direct(entries, host), "{entries}: {host}");
            }
        }
    }

    #[test]
    fn names_ports_addresses_and_prefixes_are_compared() {
        for (entries, host, held) in [
            ("", "a.example", false),
            ("a.example", "ba.example", false),
            ("b.a.example", "a.example", false),
            (",, ,", "a.example", false),
            (".", "a.example", false),
            ("a.example:8443", "b.a.example:8443", true),
            ("a.example:8443", "a.example", false),
            (".a.example:443", "a.example", true),
            ("*:8443", "a.example:8443", true),
            ("*:8443", "a.example", false),
            ("10.0.0.0/8:8443", "10.1.2.3:8443", true),
            ("10.0.0.0/8:8443", "10.1.2.3", false),
            ("[::1]:8443", "[::1]:8443", true),
            ("[::1]:8443", "[::1]", false),
            ("a.example:0", "a.example", false),
            ("a.example:", "a.example", false),
            ("a.example:65536", "a.example", false),
            ("a.example:https", "a.example", false),
            ("127.0.0.1,localhost", "127.0.0.1:8443", true),
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.1.2.3/8", "10.255.0.1", true),
            ("0.0.0.0/0", "192.0.2.1", true),
            ("0.0.0.0/0", "[2001:db8::1]", false),
            ("0.0.0.0/0", "a.example", false),
            ("10.0.0.0/33", "10.0.0.1", false),
            ("10.", "10.0.0.1", false),
            ("[::1]", "[::1]:8443", true),
            ("::1", "[::1]:8443", true),
            ("2001:db8::/32", "[2001:db8:1::2]", true),
            ("2001:DB8::/32", "[2001:db9::2]", false),
            ("[2001:db8::1]", "[2001:0db8:0::1]", true),
            ("10.0.0.0/8", "[::ffff:10.0.0.1]", true),
            ("10.0.0.0/8", "10.example", false),
            ("3.4", "1.2.3.4", false),
        ] {
            assert_eq!(direct(entries, host), held, "{entries}: {host}");
        }
    }
}
