//! Exim's lookup, and its access control in a session that Exim itself plays.

use std::{collections::BTreeSet, net::IpAddr};

use d365_tests::{
    mail::{FILTERS, Root},
    netns::Netns,
    require,
};

use super::{
    DIRECTORY,
    lists::{Case, LISTED, STRANGERS},
    without_block_list,
};

const CONFIGURATION: &str = "/etc/exim4/test.conf";
const SESSION: &str =
    "EHLO mail.d365.example\r\nMAIL FROM:<sender@d365.example>\r\nRCPT TO:<recipient@mx.example>\r\nQUIT\r\n";

/// A root with the page's rules, and without DNS.
fn root() -> Root {
    let root = Root::with(&FILTERS, &Netns::new().unwrap()).unwrap();
    root.add_user("Debian-exim", 52_107).unwrap();
    root.directory("/var/spool/exim4", 52_107).unwrap();
    root.directory("/var/log/exim4", 52_107).unwrap();
    let rules = without_block_list("# Exim, the ACL for recipients", "    message = not listed");
    let configuration = format!(
        "primary_hostname = mx.example\nacl_smtp_rcpt = recipients\nbegin acl\nrecipients:\n{rules}  accept\n"
    );
    root.write(CONFIGURATION, &configuration).unwrap();
    root
}

#[test]
fn the_lookup_finds_the_listed_addresses_and_no_other() {
    require!(Root, Tool("ip"), Daemon, FilterPrograms, Overlay);
    let root = root();
    for case in Case::all(25) {
        root.write(&format!("{DIRECTORY}/d365-exim.list"), &case.export("exim")).unwrap();
        let lookup = |address: &IpAddr| {
            format!(
                "{address} ${{lookup{{{address}}}iplsearch{{{DIRECTORY}/d365-exim.list}}{{$value}}{{-}}}}\n"
            )
        };
        let questions: String = case.addresses.iter().map(lookup).collect();
        let answers = root.feed("exim4", &["-C", CONFIGURATION, "-be"], &questions).unwrap();
        let answers: Vec<&str> =
            answers.lines().filter(|line| line.contains(' ') && line.len() > 2).collect();
        assert_eq!(answers.len(), case.addresses.len());
        let found: BTreeSet<IpAddr> = answers
            .iter()
            .filter_map(|line| {
                let (address, geo) = line.trim_start_matches("> ").split_once(' ').unwrap();
                assert!(geo == "-" || geo.len() == 3, "{line}");
                (geo != "-").then(|| address.parse().unwrap())
            })
            .collect();
        case.agree(&found);
    }
}

#[test]
fn a_session_is_accepted_or_rejected_by_the_list() {
    require!(Root, Tool("ip"), Daemon, FilterPrograms, Overlay);
    let root = root();
    root.write(&format!("{DIRECTORY}/d365-exim.list"), &Case::both_families().export("exim")).unwrap();
    for (sources, reply) in [(LISTED, "250 Accepted"), (STRANGERS, "550 not listed")] {
        for source in sources {
            let session = root.feed("exim4", &["-C", CONFIGURATION, "-bh", source], SESSION).unwrap();
            assert!(session.contains(reply), "{source}: {session}");
        }
    }
}
