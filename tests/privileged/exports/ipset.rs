//! The script that fills new sets and swaps them.

use d365_tests::{
    mail::{FILTERS, Root},
    netns::Netns,
    require,
};
use ipnet::IpNet;

use super::{
    lab,
    lists::{Case, LISTED, STRANGERS},
    under_traffic,
};
use crate::steps::addresses;

const FILE: &str = "/var/cache/d365/d365.ipset";

/// Loads a list.
fn restore(root: &Root, script: &str) {
    root.write(FILE, script).unwrap();
    root.run("ipset", &["restore", "-file", FILE]).unwrap();
}

/// The elements of both sets.
fn elements(root: &Root) -> Vec<IpNet> {
    let saved = root.run("ipset", &["save"]).unwrap();
    assert_eq!(saved.matches("create ").count(), 2, "no set is left over");
    let element = |line: &str| {
        let text = line.strip_prefix("add d365_v")?.split_once(' ')?.1;
        Some(text.parse().unwrap_or_else(|_| IpNet::from(text.parse::<std::net::IpAddr>().unwrap())))
    };
    saved.lines().filter_map(element).collect()
}

#[test]
fn the_sets_have_the_listed_addresses_and_no_other() {
    require!(Root, Tool("ip"), Daemon, FilterPrograms, Overlay);
    let root = Root::with(&FILTERS, &Netns::new().unwrap()).unwrap();
    for case in Case::all(1) {
        restore(&root, &case.export("ipset"));
        case.ask_prefixes(&elements(&root));
    }
    let case = Case::embedded();
    restore(&root, &case.export("ipset"));
    let has =
        |address: std::net::IpAddr| root.run("ipset", &["test", "d365_v4", &address.to_string()]).is_ok();
    case.ask(has);
    // A script that fails in the middle leaves the sets as they were, and the next one succeeds.
    let broken = case.export("ipset").replacen("swap", "add d365_v4_new 13.71.171.0/99\nswap", 1);
    root.write(FILE, &broken).unwrap();
    assert!(root.run("ipset", &["restore", "-file", FILE]).is_err());
    case.ask(has);
    restore(&root, &case.export("ipset"));
    case.ask_prefixes(&elements(&root));
}

#[test]
fn no_packet_finds_a_set_empty_while_it_is_swapped() {
    require!(Root, Tool("ip"), Daemon, FilterPrograms, Overlay);
    let sources = addresses(&LISTED);
    let lab = lab(&[&sources[..], &addresses(&STRANGERS)].concat());
    let root = Root::with(&FILTERS, &lab.host).unwrap();
    let short = Case::both_families().export("ipset");
    let mut long = Case::long(10_000, 1).export("ipset");
    for (set, source) in ["d365_v4", "d365_v6"].iter().zip(LISTED) {
        long = long
            .replace(&format!("swap {set}_new"), &format!("add {set}_new {source} -exist\nswap {set}_new"));
    }
    restore(&root, &short);
    for (program, set) in [("iptables-nft", "d365_v4"), ("ip6tables-nft", "d365_v6")] {
        let rule = |more: &str| {
            let rule = format!("-t raw -A PREROUTING -p udp --dport 25 {more}");
            root.run(program, &rule.split_whitespace().collect::<Vec<_>>()).unwrap();
        };
        rule(&format!("-m set --match-set {set} src -j ACCEPT"));
        rule("");
    }
    // Packets that the first and the second rule of each family counted.
    let counts = || {
        let rules = ["iptables-nft", "ip6tables-nft"]
            .map(|program| root.run(program, &["-t", "raw", "-nvxL", "PREROUTING"]).unwrap());
        let count = |rules: &String, at: usize| -> u64 {
            rules.lines().nth(2 + at).unwrap().split_whitespace().next().unwrap().parse().unwrap()
        };
        [0, 1].map(|at| rules.iter().map(|rules| count(rules, at)).sum::<u64>())
    };
    let sent = under_traffic(&lab, &sources, || {
        for script in [&long, &short, &long, &short, &long, &short] {
            restore(&root, script);
        }
    });
    let [listed, missed] = counts();
    assert_eq!(missed, 0);
    assert!(listed > 1000 && listed <= sent, "{listed} of {sent}");
    under_traffic(&lab, &addresses(&STRANGERS), || std::thread::sleep(std::time::Duration::from_millis(20)));
    assert!(counts()[1] > 0);
}
