//! The transaction that replaces the elements of nftables' sets.

use std::net::IpAddr;

use d365_tests::{
    mail::{FILTERS, Root},
    netns::Netns,
    nft, require,
};
use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};

use super::{
    DIRECTORY, block, lab,
    lists::{Case, LISTED, STRANGERS},
    under_traffic,
};
use crate::steps::addresses;

const TABLE: &str = "inet d365_list";

/// Counts datagrams from addresses of the sets, and all others.
const WATCH: &str = "
table inet d365_list {
    counter listed {}
    counter missed {}
    chain watch {
        type filter hook prerouting priority raw;
        udp dport 25 ip saddr @d365_v4 counter name listed accept
        udp dport 25 ip6 saddr @d365_v6 counter name listed accept
        udp dport 25 counter name missed
    }
}
";

/// Returns true if the set for the address's family has it.
fn has(root: &Root, address: IpAddr) -> bool {
    let set = if address.is_ipv6() { "d365_v6" } else { "d365_v4" };
    let element = format!("{{ {address} }}");
    let question = ["get", "element", "inet", "d365_list", set, &element];
    match root.run("nft", &question) {
        Ok(_) => true,
        Err(error) if format!("{error:#}").contains("No such file or directory") => false,
        Err(error) => panic!("{error:#}"),
    }
}

/// The elements of both sets. Neighbours are printed as one interval.
fn elements(root: &Root) -> Vec<IpNet> {
    let sets = ["d365_v4", "d365_v6"]
        .map(|set| root.run("nft", &["list", "set", "inet", "d365_list", set]).unwrap());
    let printed = sets.iter().filter_map(|set| set.split_once("elements = {")?.1.split_once('}'));
    let texts = printed.flat_map(|(elements, _)| elements.split(',').map(str::trim));
    texts.flat_map(prefixes).collect()
}

/// An address, a prefix, or an interval.
fn prefixes(text: &str) -> Vec<IpNet> {
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    match text.split_once('-').map(|(first, last)| (address(first), address(last))) {
        Some((IpAddr::V4(first), IpAddr::V4(last))) => {
            Ipv4Subnets::new(first, last, 0).map(IpNet::from).collect()
        }
        Some((IpAddr::V6(first), IpAddr::V6(last))) => {
            Ipv6Subnets::new(first, last, 0).map(IpNet::from).collect()
        }
        _ if text.contains('/') => vec![text.parse().unwrap()],
        _ => vec![address(text).into()],
    }
}

#[test]
fn the_sets_have_the_listed_addresses_and_no_other() {
    require!(Root, Tool("ip"), Daemon, FilterPrograms, Overlay);
    let root = Root::with(&FILTERS, &Netns::new().unwrap()).unwrap();
    let rules = block("# /etc/nftables.conf");
    root.write("/etc/nftables.conf", &rules).unwrap();
    // Without the file the rules load, and the sets are empty.
    root.run("nft", &["-f", "/etc/nftables.conf"]).unwrap();
    assert!(!has(&root, addresses(&LISTED)[0]));
    let file = format!("{DIRECTORY}/d365.nft");
    // Each list replaces the one before.
    for case in Case::all(1) {
        root.write(&file, &case.export("nftables")).unwrap();
        root.run("nft", &["-f", &file]).unwrap();
        case.ask_prefixes(&elements(&root));
    }
    let case = Case::embedded();
    root.write(&file, &case.export("nftables")).unwrap();
    root.run("nft", &["-f", &file]).unwrap();
    case.ask(|address| has(&root, address));
    // At boot the rules include the file.
    root.write("/etc/nftables.conf", &format!("flush ruleset\n{rules}")).unwrap();
    root.run("nft", &["-f", "/etc/nftables.conf"]).unwrap();
    case.ask_prefixes(&elements(&root));
}

#[test]
fn no_packet_finds_a_set_empty_while_it_is_replaced() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon, FilterPrograms, Overlay);
    let sources = addresses(&LISTED);
    let lab = lab(&[&sources[..], &addresses(&STRANGERS)].concat());
    let root = Root::with(&FILTERS, &lab.host).unwrap();
    let file = |number| format!("{DIRECTORY}/{number}.nft");
    // Two lists that both have the sources: a short one, and a long one with its ranges.
    let short = Case::both_families().export("nftables");
    root.write(&file(0), &short).unwrap();
    root.write(&file(1), &with(&Case::long(10_000, 1).export("nftables"))).unwrap();
    root.run("nft", &["-f", &file(0)]).unwrap();
    nft::load(&lab.host, WATCH).unwrap();
    let sent = under_traffic(&lab, &sources, || {
        for number in [1, 0, 1, 0, 1, 0] {
            root.run("nft", &["-f", &file(number)]).unwrap();
        }
        assert!(sources.iter().all(|source| has(&root, *source)));
    });
    let count = |counter| nft::packets(&lab.host, TABLE, counter).unwrap();
    assert_eq!(count("missed"), 0);
    assert!(count("listed") > 1000 && count("listed") <= sent, "{} of {sent}", count("listed"));
    // The same rules see a source of no list.
    under_traffic(&lab, &addresses(&STRANGERS), || std::thread::sleep(std::time::Duration::from_millis(20)));
    assert!(count("missed") > 0);
}

/// The script of a long list, with the sources in addition.
fn with(script: &str) -> String {
    let mut script = script.to_owned();
    for (set, source) in ["d365_v4", "d365_v6"].iter().zip(LISTED) {
        script.push_str(&format!("add element {TABLE} {set} {{ {source} }}\n"));
    }
    script
}
