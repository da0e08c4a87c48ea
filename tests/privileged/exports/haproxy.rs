//! HAProxy's patterns, asked by its runtime API, and by connections.

use std::net::SocketAddr;

use d365_tests::{
    mail::{FILTERS, HaProxy, Root},
    require,
    smtp::{Listener, Mail, deliver},
};

use super::{
    DIRECTORY, block, lab,
    lists::{Case, LISTED, STRANGERS},
};
use crate::steps::addresses;

const BACKENDS: &str = "
backend listed
    mode tcp
    server mx 127.0.0.1:10025
backend others
    mode tcp
    server mx 127.0.0.1:10026
";

#[test]
fn connections_from_listed_addresses_get_the_other_server() {
    require!(Root, Tool("ip"), Daemon, FilterPrograms, Overlay);
    let configuration = block("# /etc/haproxy/haproxy.cfg") + BACKENDS;
    let file = format!("{DIRECTORY}/d365-haproxy.acl");
    for case in Case::all(10) {
        let lab = lab(&addresses(&[LISTED, STRANGERS].concat()));
        let root = Root::with(&FILTERS, &lab.host).unwrap();
        root.write(&file, &case.export("haproxy")).unwrap();
        let haproxy = HaProxy::start(&root, &configuration).unwrap();
        case.ask(|address| haproxy.matches(&file, address).unwrap());

        let servers = ["127.0.0.1:10025", "127.0.0.1:10026"].map(|server| server.parse().unwrap());
        let listener = lab.host.run(|| Listener::bind(&servers)).unwrap();
        for source in addresses(&[LISTED, STRANGERS].concat()) {
            let server = SocketAddr::new(lab.link().host_for(source), 25);
            lab.sender.run(|| deliver(source, server, &Mail::new("Subject: test\r\n\r\n"))).unwrap();
            let port = listener.delivered().pop().unwrap().local.port();
            let expected = if haproxy.matches(&file, source).unwrap() { 10_025 } else { 10_026 };
            assert_eq!(port, expected, "{source}");
        }
    }
}
