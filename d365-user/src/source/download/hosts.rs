//! The hosts that a download may come from, redirects included.

use std::{collections::BTreeSet, fmt};

use super::{Host, Url};

/// An allow-list of hosts. An entry allows exactly one host and port: no subdomain and no other port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts(BTreeSet<Host>);

impl Hosts {
    /// True if this URL may be fetched.
    #[must_use]
    pub fn allow(&self, url: &Url) -> bool {
        self.0.contains(url.host())
    }
}

impl FromIterator<Host> for Hosts {
    fn from_iter<I: IntoIterator<Item = Host>>(hosts: I) -> Self {
        Self(hosts.into_iter().collect())
    }
}

/// Writes the hosts, separated by commas.
impl fmt::Display for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&hosts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_stands_for_itself_alone() {
        let hosts: Hosts = ["a.example", "b.example:8443"].iter().map(|host| host.parse().unwrap()).collect();
        assert_eq!(hosts.to_string(), "a.example, b.example:8443");
        for (url, allowed) in [
            ("https://a.example/x", true),
            ("https://A.EXAMPLE:443/x", true),
            ("https://b.example:8443/x", true),
            ("https://b.example/x", false),
            ("https://a.example:8443/x", false),
            ("https://sub.a.example/x", false),
            ("https://a.example.evil.example/x", false),
            ("https://a.example./x", false),
            ("https://evil.example/a.example", false),
        ] {
            assert_eq!(hosts.allow(&url.parse().unwrap()), allowed, "{url}");
        }
        assert!(!Hosts::default().allow(&"https://a.example/".parse().unwrap()));
    }
}
