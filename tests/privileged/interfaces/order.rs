//! Stacked devices: the daemon attaches lower devices first, and it names a program on an upper one.

use std::net::IpAddr;

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    frame::{Frame, Packet, Tcp},
    lab::Lab,
    netns::Netns,
    raw::FrameSender,
    require, veth,
};
use d365_user::exit::Exit;

use crate::{bad_input::refused, doctor::doctor};

/// Creates a device above the lab's interface, brings it up, and returns its name.
fn above(lab: &Lab, kind: &str) -> String {
    let (upper, lower) = (veth::unique_name("up"), lab.iface());
    let ip = |arguments: &[&str]| lab.host.ip(arguments).unwrap();
    match kind {
        "bridge" => {
            ip(&["link", "add", &upper, "type", "bridge"]);
            ip(&["link", "set", "dev", lower, "master", &upper]);
        }
        "macvlan" => drop(ip(&["link", "add", &upper, "link", lower, "type", "macvlan", "mode", "bridge"])),
        "vxlan" => {
            drop(ip(&["link", "add", &upper, "type", "vxlan", "id", "5", "dev", lower, "dstport", "4789"]));
        }
        other => panic!("{other}"),
    }
    ip(&["link", "set", "dev", &upper, "up"]);
    upper
}

fn attached(daemon: &Daemon) -> Vec<String> {
    let scrape = daemon.scrape().unwrap();
    let samples = scrape.select("d365_attached", &[]).filter(|sample| sample.value > 0.5);
    samples.map(|sample| sample.labels["iface"].clone()).collect()
}

#[test]
fn any_order_of_upper_and_lower_devices_works() {
    require!(Root, Tool("ip"), Daemon);
    for kind in ["bridge", "macvlan", "vxlan"] {
        let lab = Lab::new().unwrap();
        let upper = above(&lab, kind);
        for names in [[upper.as_str(), lab.iface()], [lab.iface(), upper.as_str()]] {
            let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&names)).unwrap();
            assert_eq!(attached(&daemon), names, "{kind}: as the operator gave them");
            assert_eq!(daemon.stop().unwrap().status.code(), Some(0));
        }
    }
}

/// The rows follow the operator's order, not the order of attachment.
#[test]
fn counters_stay_in_the_operators_order() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let upper = above(&lab, "macvlan");
    let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&[&upper, lab.iface()])).unwrap();
    let (source, host): (IpAddr, _) = ("13.71.171.9".parse().unwrap(), lab.link().host_v4().into());
    let frame = Frame::new(Packet::between(source, host, Tcp::new(40_000, 25).syn()));
    let frame = frame.macs(lab.link().sender.mac, lab.link().host.mac);
    let sender = FrameSender::on(&lab.link().sender).unwrap();
    (0..3).for_each(|_| sender.send(&frame).unwrap());
    let scrape = daemon.scrape().unwrap();
    let counted =
        [lab.iface(), &upper].map(|name| scrape.sum("d365_smtp_connections_total", &[("iface", name)]));
    assert_eq!(counted, [3, 0], "the frames are addressed to the lower device");
}

#[test]
fn a_program_on_the_upper_device_is_named_and_foretold() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let upper = above(&lab, "macvlan");
    let _first = Daemon::start(&lab.host, &DaemonOptions::on(&[&upper])).unwrap();
    let report = doctor(&lab.host, lab.iface());
    let (level, said) = report.of("xdp_programs", Some(lab.iface()));
    assert!(
        level == "error" && said.starts_with(&format!("{upper}, which lies above it, has d365")),
        "{said}"
    );
    let options = DaemonOptions::on(&[lab.iface()]).listen("127.0.0.1:9366".parse().unwrap());
    let both = format!("--iface {upper},{}", lab.iface());
    refused(&lab, &options, Exit::Occupied, &[lab.iface(), "lies below", &upper, "d365", &both]);
}

/// The upper device may be in a namespace that the daemon cannot see.
#[test]
fn a_program_on_an_upper_device_elsewhere_is_explained() {
    require!(Root, Tool("ip"), Daemon);
    let (lab, elsewhere) = (Lab::new().unwrap(), Netns::new().unwrap());
    let upper = above(&lab, "macvlan");
    lab.host.ip(&["link", "set", "dev", &upper, "netns", &elsewhere.path()]).unwrap();
    elsewhere.ip(&["link", "set", "dev", &upper, "up"]).unwrap();
    let _first = Daemon::start(&elsewhere, &DaemonOptions::on(&[&upper])).unwrap();
    refused(
        &lab,
        &DaemonOptions::on(&[lab.iface()]),
        Exit::Attach,
        &[lab.iface(), "a device above it", "container"],
    );
}
