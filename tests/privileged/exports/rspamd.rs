//! Rspamd's map for addresses.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use d365_tests::{
    mail::{Root, rspamd},
    netns::Netns,
    require, tcp,
};

use super::{DIRECTORY, block, lists::Case};
use crate::steps::until;

/// The port of the worker that scans mails over HTTP.
const SCANNER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 11_333);
const MAIL: &str = "From: sender@d365.example\r\nTo: recipient@mx.example\r\nSubject: test\r\n\r\ntext\r\n";

#[test]
fn a_running_rspamd_gives_listed_addresses_the_symbol() {
    require!(Root, Tool("ip"), Daemon, MailPrograms, Overlay);
    for case in Case::all(100) {
        let netns = Netns::new().unwrap();
        let root = Root::new(&netns).unwrap();
        root.write(&format!("{DIRECTORY}/d365-rspamd.map"), &case.export("rspamd-map")).unwrap();
        let map = block("# /etc/rspamd/local.d/multimap.conf");
        let service = rspamd(&root, &[("local.d/multimap.conf", &map)]).unwrap();
        assert!(root.run("rspamadm", &["configtest"]).unwrap().contains("syntax OK"));
        until(30, || netns.run(|| tcp::connect(SCANNER.ip(), SCANNER)).is_ok(), || service.log());
        case.ask(|address| has_symbol(&netns, address));
    }
}

/// Scans a mail from this address.
fn has_symbol(netns: &Netns, address: IpAddr) -> bool {
    let mut stream = netns.run(|| tcp::connect(SCANNER.ip(), SCANNER)).unwrap();
    let request = format!(
        "POST /checkv2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nIP: {address}\r\n\
         Content-Length: {}\r\n\r\n{MAIL}",
        MAIL.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"symbols\""), "{answer}");
    answer.contains("\"D365_LISTED\"")
}
