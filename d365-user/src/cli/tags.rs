//! Flags about tags and drops: the tags of trusted packets, and the verdict on unlisted ones.

use std::net::IpAddr;

use clap::{Args, ValueEnum, builder::BoolishValueParser};
use d365_common::{dscp::Dscp, mark::Mark};
use ipnet::IpNet;

use crate::{
    settings::TcOrder,
    tag::{dscp, mark},
};

/// The flags, each valid by itself. A flag that was not given is distinguished from its default value,
/// because some flags need another one.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Tags and drops")]
pub(crate) struct TagFlags {
    /// Tags for packets from listed ranges while these are trusted: `none`, or `mark` (the packet mark, for
    /// this host), `dscp` (in the IP header, for the next hop) or both; repeat it, or separate by commas
    #[arg(
        long,
        env = "D365_TAG",
        value_name = "TAG",
        value_enum,
        value_delimiter = ',',
        default_value = "none"
    )]
    pub(crate) tag: Vec<Tag>,

    /// The mark and the bits of it that are the program's, each decimal or with 0x; in addition the lowest
    /// eight bits hold the geo's number, and all others are kept [default: 0xd3650000/0xffff0000]
    #[arg(long, env = "D365_MARK", value_name = "BASE/MASK", value_parser = mark::read)]
    pub(crate) mark: Option<Mark>,

    /// The code point, by name (CS1 to CS7, AF11 to AF43, EF, VA, LE) or number (1 to 63, or with 0x)
    /// [default: CS1]
    #[arg(long, env = "D365_DSCP", value_name = "NAME|NUMBER", value_parser = dscp::read)]
    pub(crate) dscp: Option<Dscp>,

    /// Tag ranges too that have left the list and are still recognised (--grace)
    #[arg(long, env = "D365_TAG_RETIRED", value_parser = BoolishValueParser::new())]
    pub(crate) tag_retired: bool,

    /// Position of the tc program (of --tag mark or --mode tc) among others of its interface [default: first]
    #[arg(long, env = "D365_TC_ORDER", value_name = "ORDER", value_enum)]
    pub(crate) tc_order: Option<TcOrder>,

    /// Verdict on new connections to the watched ports from unlisted sources while the list is trusted.
    /// `drop` turns all other mail away: it is for hosts to which no other server sends
    #[arg(long, env = "D365_UNLISTED", value_name = "VERDICT", value_enum, default_value_t)]
    pub(crate) unlisted: Verdict,

    /// Prefix or address from which --unlisted drop never drops, in addition to loopback, link-local
    /// addresses and this host's own subnets; repeat it, or separate prefixes by commas
    #[arg(
        long,
        env = "D365_FAILSAFE",
        value_name = "CIDR",
        value_delimiter = ',',
        value_parser = prefix
    )]
    pub(crate) failsafe: Vec<IpNet>,
}

/// A word of `--tag`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tag {
    /// Not at all.
    None,
    /// By the packet mark, which nftables and sockets of this host see.
    Mark,
    /// By the code point in the IP header, which the next hop sees.
    Dscp,
}

/// A word of `--unlisted`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Verdict {
    /// They pass.
    #[default]
    Pass,
    /// They are dropped.
    Drop,
}

/// Reads `ADDRESS[/LENGTH]`; an address by itself is a host. The bits after the prefix length are kept for
/// now.
fn prefix(text: &str) -> Result<IpNet, &'static str> {
    let prefix: IpNet = match text.parse::<IpAddr>() {
        Ok(address) => address.into(),
        Err(_) => text.parse().map_err(|_| "expected ADDRESS[/LENGTH], as 192.0.2.0/24 or 2001:db8::1")?,
    };
    match prefix {
        IpNet::V6(prefix) if prefix.addr().to_ipv4_mapped().is_some() => {
            Err("an IPv4-mapped address: packets have the IPv4 address, so write that")
        }
        prefix => Ok(prefix),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_failsafe_is_a_prefix_or_an_address() {
        for (text, meant) in [
            ("192.0.2.0/24", "192.0.2.0/24"),
            ("192.0.2.1", "192.0.2.1/32"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("2001:DB8::1", "2001:db8::1/128"),
            ("192.0.2.1/24", "192.0.2.1/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
        ] {
            assert_eq!(prefix(text).map(|prefix| prefix.to_string()).as_deref(), Ok(meant), "{text}");
        }
        for text in
            ["", "192.0.2.0/33", "192.0.2/24", "192.0.2.0/", "mx.example.net", "::1/129", "192.0.2.0/24 "]
        {
            assert!(prefix(text).is_err(), "{text}");
        }
        assert!(prefix("::ffff:192.0.2.1").unwrap_err().contains("IPv4-mapped"));
        assert!(prefix("::ffff:192.0.2.0/120").unwrap_err().contains("IPv4-mapped"));
    }

    proptest! {
        #[test]
        fn every_prefix_is_read_as_it_is_written(address: IpAddr, length: u8) {
            let length = length % if address.is_ipv4() { 33 } else { 129 };
            let written = IpNet::new(address, length).unwrap();
            let mapped = matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some());
            prop_assert_eq!(prefix(&written.to_string()).ok(), (!mapped).then_some(written));
        }
    }
}
