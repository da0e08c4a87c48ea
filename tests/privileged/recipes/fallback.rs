//! The way to the second listener with one part missing: tagged mail arrives on port 25.

use std::net::{IpAddr, SocketAddr};

use d365_tests::{
    lab::Lab,
    nft, require,
    smtp::{Listener, Mail, deliver},
};

use super::{counters, firewall, lab, lab_without_firewall, listed, sources, steer, strangers, tagging};

fn listen(lab: &Lab, ports: &[u16]) -> Listener {
    super::listen(&lab.host, |peer| lab.link().host_for(peer), ports)
}

fn port_for(lab: &Lab, listener: &Listener, source: IpAddr) -> u16 {
    super::port_for(lab, listener, source, lab.link().host_for(source), "Subject: test\r\n\r\ntext\r\n")
}

/// Asserts that all mail arrives on port 25, that of listed sources by a second attempt.
fn falls_back(lab: &Lab, listener: &Listener, what: &str) {
    let [_, before] = counters(&lab.host);
    for source in sources() {
        assert_eq!(port_for(lab, listener, source), 25, "{what}: {source}");
    }
    let [_, after] = counters(&lab.host);
    assert_eq!(after - before, listed().len() as u64, "{what}");
}

#[test]
fn with_every_part_listed_mail_alone_goes_to_the_second_listener() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon);
    let lab = lab();
    let listener = listen(&lab, &[25, 10025]);
    // The steps are in the page's order: until the daemon tags, mail takes the same way as before.
    steer(&lab.host);
    assert!(sources().all(|source| port_for(&lab, &listener, source) == 25));
    assert_eq!(counters(&lab.host), [0, 0]);
    let daemon = tagging(&lab, "mark");
    assert!(listed().iter().all(|source| port_for(&lab, &listener, *source) == 10025));
    assert!(strangers().iter().all(|source| port_for(&lab, &listener, *source) == 25));
    assert_eq!(counters(&lab.host), [2, 0]);
    // After the stop, all mail takes the ordinary way again.
    assert_eq!(daemon.stop().unwrap().status.code(), Some(0));
    assert!(sources().all(|source| port_for(&lab, &listener, source) == 25));
    assert_eq!(counters(&lab.host), [2, 0]);
}

/// If nothing listens at all, connections are refused as before. They do not hang.
#[test]
fn without_the_second_listener_mail_comes_to_port_25() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon);
    let lab = lab();
    steer(&lab.host);
    let _daemon = tagging(&lab, "mark");
    for source in sources() {
        let server = SocketAddr::new(lab.link().host_for(source), 25);
        let error = lab.sender.run(|| deliver(source, server, &Mail::new(""))).unwrap_err();
        assert!(format!("{error:#}").contains("Connection refused"), "{source}: {error:#}");
    }
    let listener = listen(&lab, &[25]);
    falls_back(&lab, &listener, "no listener");
}

/// The page's firewall without the line for the second port, and two firewalls that reject, one by ICMP and
/// one by a TCP reset.
#[test]
fn a_firewall_that_does_not_know_the_second_port_loses_no_mail() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon);
    let lab = lab_without_firewall();
    let known = firewall();
    let lacking: String = known.split_inclusive('\n').filter(|line| !line.contains("10025")).collect();
    assert_ne!(known, lacking);
    nft::load(&lab.host, &lacking).unwrap();
    steer(&lab.host);
    let listener = listen(&lab, &[25, 10025]);
    let _daemon = tagging(&lab, "mark");
    falls_back(&lab, &listener, "policy drop");
    for refusal in ["reject", "reject with tcp reset"] {
        nft::load(&lab.host, &format!("insert rule inet filter input tcp dport 10025 {refusal}")).unwrap();
        falls_back(&lab, &listener, refusal);
    }
    // With the page's line the second listener works, wherever the other rules are.
    nft::load(&lab.host, "insert rule inet filter input tcp dport 10025 ct status dnat accept").unwrap();
    assert!(listed().iter().all(|source| port_for(&lab, &listener, *source) == 10025));
}
