//! Stacked devices: the daemon attaches lower devices first, and it names a program on an upper one.

use std::time::Duration;

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    lab::Lab,
    netns::Netns,
    require,
    require::Requirement,
    service_manager::ServiceManager,
    veth,
};
use d365_user::exit::Exit;

use crate::{
    bad_input::refused,
    doctor::doctor,
    steps::{knock, on, shell, stop},
};

/// Creates a device above the lab's interface, brings it up, and returns its name.
fn above(lab: &Lab, kind: &str) -> String {
    let (upper, lower) = (veth::unique_name("up"), lab.iface());
    let add = match kind {
        "bridge" => format!("type bridge && ip link set dev {lower} master {upper}"),
        "macvlan" => format!("link {lower} type macvlan mode bridge"),
        "vxlan" => format!("type vxlan id 5 dev {lower} dstport 4789"),
        other => panic!("{other}"),
    };
    shell(&lab.host, &format!("ip link add {upper} {add} && ip link set dev {upper} up"));
    upper
}

fn attached(daemon: &Daemon) -> Vec<String> {
    let scrape = daemon.scrape().unwrap();
    let samples = scrape.select("d365_attached", &[]).filter(|sample| sample.value > 0.5);
    samples.map(|sample| sample.labels["iface"].clone()).collect()
}

/// The rows follow the operator's order, not the order of attachment.
#[test]
fn any_order_of_upper_and_lower_devices_works() {
    require!(Root, Tool("ip"), Daemon);
    for kind in ["bridge", "macvlan", "vxlan"] {
        let lab = Lab::new().unwrap();
        let upper = above(&lab, kind);
        let orders = [[upper.as_str(), lab.iface()], [lab.iface(), upper.as_str()]];
        for (names, mode) in
            orders.into_iter().flat_map(|names| ["auto", "generic"].map(|mode| (names, mode)))
        {
            let options = DaemonOptions::on(&names).args(["--mode", mode]);
            let daemon = Daemon::start(&lab.host, &options).unwrap();
            assert_eq!(attached(&daemon), names, "{kind}, {mode}: as the operator gave them");
            if kind == "macvlan" {
                knock(lab.link(), &["13.71.171.9"; 3]);
                let scrape = daemon.scrape().unwrap();
                let count = |name| scrape.sum("d365_smtp_connections_total", &[("iface", name)]);
                let counted = [lab.iface(), &upper].map(count);
                assert_eq!(counted, [3, 0], "the frames are addressed to the lower device");
            }
            stop(daemon);
        }
    }
}

/// The earlier daemon's program on the upper device makes way for the lower one, whose turn comes first.
#[test]
fn a_restart_may_add_a_lower_device() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let upper = above(&lab, "bridge");
    let manager = ServiceManager::start().unwrap();
    let options = |names: &[&str]| DaemonOptions::on(names).args(["--mode", "generic"]).managed(&manager);
    stop(Daemon::start(&lab.host, &options(&[&upper])).unwrap());
    let daemon = Daemon::start(&lab.host, &options(&[&upper, lab.iface()])).unwrap();
    assert_eq!(attached(&daemon), [&upper, lab.iface()]);
    stop(daemon);
    manager.stop();
}

#[test]
fn a_program_on_the_upper_device_is_named_and_foretold_here_and_elsewhere() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let upper = above(&lab, "macvlan");
    let generic = DaemonOptions::on(&[&upper]).args(["--mode", "generic"]);
    let first = Daemon::start(&lab.host, &generic).unwrap();
    let begin = format!("{upper}, which lies above it, has d365");
    doctor(&lab.host, lab.iface()).begins("xdp_programs", Some(lab.iface()), "warning", &begin);
    let options = |mode| on(&lab, &["--mode", mode]).listen("127.0.0.1:9366".parse().unwrap());
    let both = format!("--iface {upper},{}", lab.iface());
    let words = [lab.iface(), "lies below", &upper, "d365", &both];
    refused(&lab.host, &options("native"), Exit::Occupied, &words);
    let lower = Daemon::start(&lab.host, &options("auto")).unwrap();
    if !Requirement::Kernel(5, 15, "a device below one with an XDP program takes none").is_met() {
        assert_eq!(attached(&lower), [lab.iface()]);
        stop(lower);
        return;
    }
    let expected = [&format!("{upper}, which lies above it, has an XDP program: d365"), "attached by tc"];
    lower.wait_for_line(&expected, Duration::from_secs(10)).unwrap();
    stop(lower);
    stop(first);
    // The upper device may be in a namespace that the daemon cannot see.
    let elsewhere = Netns::new().unwrap();
    lab.host.ip(&["link", "set", "dev", &upper, "netns", &elsewhere.path()]).unwrap();
    elsewhere.ip(&["link", "set", "dev", &upper, "up"]).unwrap();
    let _first = Daemon::start(&elsewhere, &generic).unwrap();
    let native = on(&lab, &["--mode", "native"]);
    refused(&lab.host, &native, Exit::Attach, &[lab.iface(), "a device above it", "container"]);
}
