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

/// True if this value of `NO_PROXY` has an entry for the host, which is then contacted directly.
pub(super) fn holds(value: &str, host: &Host) -> bool {
    let name = host.name().trim_end_matches('.');
    let address = address(name);
    value.split(|c: char| c == ',' || c.is_whitespace()).any(|entry| {
        let (entry, port) = match entry.rsplit_once(':') {
            // An IPv6 address contains colons.
            Some((hosts, port)) if net(entry).is_none() => (hosts, Some(port)),
            _ => (entry, None),
        };
        let is_of = match (net(entry), address) {
            (Some(net), address) => address.is_some_and(|address| net.contains(&address)),
            (None, address) => entry == "*" || address.is_none() && is_within(name, entry),
        };
        is_of && port.is_none_or(|port| port.parse() == Ok(host.port()))
    })
}

/// True if the name, in lower case, is the domain or below it.
fn is_within(name: &str, domain: &str) -> bool {
    let domain = domain.strip_prefix("*.").or_else(|| domain.strip_prefix('.')).unwrap_or(domain);
    let above = name.strip_suffix(&domain.trim_end_matches('.').to_ascii_lowercase());
    above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
}

/// Reads an address or a prefix.
fn net(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| address(text).map(IpNet::from))
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
        holds(entries, &host.parse().unwrap())
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
