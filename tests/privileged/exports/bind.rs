//! BIND's acl, as `named-checkconf` reads and prints it.

use d365_tests::{
    mail::{FILTERS, Root},
    netns::Netns,
    require,
};
use ipnet::IpNet;

use super::{DIRECTORY, block, lists::Case};

#[test]
fn the_acl_has_the_listed_addresses_and_no_other() {
    require!(Root, Tool("ip"), Daemon, FilterPrograms, Overlay);
    let root = Root::with(&FILTERS, &Netns::new().unwrap()).unwrap();
    root.write("/etc/bind/named.conf", &block("# /etc/bind/named.conf.local")).unwrap();
    for case in Case::all(1) {
        root.write(&format!("{DIRECTORY}/d365-bind.conf"), &case.export("bind-acl")).unwrap();
        let printed = root.run("named-checkconf", &["-p", "/etc/bind/named.conf"]).unwrap();
        let (_, acl) = printed.split_once("acl \"d365\" {").expect("the acl");
        let (acl, _) = acl.split_once('}').unwrap();
        let prefixes: Vec<IpNet> =
            acl.split(';').map(str::trim).filter(|element| !element.is_empty()).map(prefix).collect();
        case.ask_prefixes(&prefixes);
    }
}

fn prefix(element: &str) -> IpNet {
    element.parse().unwrap_or_else(|_| IpNet::from(element.parse::<std::net::IpAddr>().unwrap()))
}
