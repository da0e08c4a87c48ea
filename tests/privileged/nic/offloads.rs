//! Offloads that join received segments: the program sees frames as they came over the wire.

use std::net::{IpAddr, SocketAddr};

use d365_tests::{
    lab::{Lab, LabOptions},
    raw::Sniffer,
    require,
    smtp::{Mail, deliver},
};

use super::{came_as_sent, described, feature, runs_in, set_feature, start, usual_mode};
use crate::{
    doctor::doctor,
    mail::{compare, embedded, listen},
    steps::{shell, stop},
};

const LRO: &str = "large-receive-offload";

/// Delivers a mail of some hundred segments, and compares the counters with both ends.
fn large_mail(lab: &Lab, source: IpAddr, mode: &str) {
    let (set, listener, daemon) = (embedded(), listen(lab), start(lab, &[]));
    runs_in(&daemon, mode);
    let (arriving, leaving) =
        (Sniffer::on(&lab.link().host).unwrap(), Sniffer::leaving(&lab.link().sender).unwrap());
    let mail = Mail::new("Subject: large\r\n\r\n".to_owned() + &"x".repeat(78).repeat(4000) + "\r\n");
    let server = SocketAddr::new(lab.link().host_for(source), 25);
    lab.sender.run(|| deliver(source, server, &mail)).unwrap();
    let (arrived, sent) = (arriving.stop().unwrap(), leaving.stop().unwrap());
    assert_eq!(listener.stop()[0].body, mail.body);
    came_as_sent(&arrived, &sent);
    compare(&daemon.scrape().unwrap(), lab.iface(), &set, &arrived);
    stop(daemon);
}

/// With GRO the host's stack joins the segments of a mail: after native XDP, and before tc.
#[test]
fn segments_are_counted_one_by_one_with_gro_on_and_off() {
    require!(Root, Nic, Tool("ip"), Tool("ethtool"), Daemon);
    let mode = usual_mode(described());
    let lab = Lab::on_cards(LabOptions { offloads: true, ..LabOptions::default() }).unwrap();
    let source = [13, 71, 171, 9].into();
    lab.add_source(source).unwrap();
    for gro in if mode == "native" { &[true, false][..] } else { &[false] } {
        set_feature(&lab, "generic-receive-offload", *gro);
        large_mail(&lab, source, mode);
    }
}

/// A driver switches LRO off for the program, or refuses the program and the daemon takes tc. `doctor` says
/// which.
#[test]
fn lro_ends_with_the_program_or_keeps_it_out() {
    require!(Root, Nic, Tool("ip"), Tool("ethtool"), Daemon);
    let driver = described();
    let lab = super::lab(1500);
    if feature(&lab, LRO).is_none() {
        assert!(!driver.ends_lro, "{} has no LRO to end", driver.name);
        assert_eq!(doctor(&lab.host, lab.iface()).of("lro", Some(lab.iface())), ("ok", "off"));
        return;
    }
    set_feature(&lab, LRO, true);
    let report = doctor(&lab.host, lab.iface());
    let is_native = driver.ends_lro && driver.defect.is_none();
    let (level, mode) = if is_native { ("ok", "native") } else { ("warning", "tc") };
    assert_eq!(report.of("native", Some(lab.iface())).0, level);
    let daemon = start(&lab, &[]);
    runs_in(&daemon, mode);
    assert_eq!(feature(&lab, LRO), Some(!is_native));
    if is_native {
        let on = format!("ethtool -K {} {LRO} on || true", lab.iface());
        shell(&lab.host, &on);
        assert_eq!(feature(&lab, LRO), Some(false), "the driver refuses LRO while a program runs");
    }
    stop(daemon);
}
