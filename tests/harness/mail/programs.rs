//! Debian's packages that `cargo xtask test` unpacks for tests: a tree of mail servers, and a tree of
//! programs that read an exported list. They are two because Debian installs either Postfix or Exim.

use std::path::{Path, PathBuf};

/// Packages that are unpacked into one tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Programs {
    /// The tree's name in `tools` of cargo's target directory.
    pub name: &'static str,
    /// The environment variable that names another tree.
    pub variable: &'static str,
    /// The packages, each with a file that only this package provides.
    pub packages: &'static [(&'static str, &'static str)],
}

/// The mail servers, their filters and a client.
pub const MAIL: Programs = Programs {
    name: "mail",
    variable: "D365_MAIL_PROGRAMS",
    packages: &[
        ("postfix", "usr/sbin/postfix"),
        ("rspamd", "usr/bin/rspamd"),
        ("swaks", "usr/bin/swaks"),
        ("libio-socket-inet6-perl", "usr/share/perl5/IO/Socket/INET6.pm"),
        ("postgrey", "usr/sbin/postgrey"),
        ("redis-server", "usr/bin/redis-server"),
    ],
};

/// Other programs that read an exported list.
pub const FILTERS: Programs = Programs {
    name: "filters",
    variable: "D365_FILTER_PROGRAMS",
    packages: &[
        ("spamassassin", "usr/bin/spamassassin"),
        ("exim4-daemon-light", "usr/sbin/exim4"),
        ("haproxy", "usr/sbin/haproxy"),
        ("bind9-utils", "usr/bin/named-checkconf"),
        ("nftables", "usr/sbin/nft"),
        ("ipset", "usr/sbin/ipset"),
        ("iptables", "usr/sbin/iptables-nft"),
    ],
};

impl Programs {
    /// Both trees.
    pub const ALL: [Self; 2] = [MAIL, FILTERS];

    /// The complete tree: that of the variable, or that in cargo's target directory.
    pub fn tree(&self) -> Option<PathBuf> {
        let named = std::env::var_os(self.variable).map(PathBuf::from);
        // target/<profile>/deps/<test>-<hash>
        let beside = || Some(std::env::current_exe().ok()?.ancestors().nth(3)?.join("tools").join(self.name));
        named.or_else(beside).filter(|tree| self.is_complete(tree))
    }

    /// Returns true if a tree has all packages. A link counts, because its target may be installed on this
    /// machine.
    pub fn is_complete(&self, tree: &Path) -> bool {
        self.packages.iter().all(|(_, file)| tree.join(file).symlink_metadata().is_ok())
    }
}
