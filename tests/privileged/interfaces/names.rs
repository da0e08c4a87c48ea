//! Names of interfaces: alternative names of any length, and a name that changes while the daemon runs.

use std::time::Duration;

use d365_tests::{
    daemon::{Daemon, DaemonOptions, binary},
    lab::Lab,
    require,
    seccomp::{Faults, command},
    veth,
};
use d365_user::exit::Exit;
use nix::errno::Errno;

use crate::{
    bad_input::refused,
    doctor::doctor,
    mail::{deliver_again, deliver_from, listen},
    steps::{shell, start, stop},
};

const LISTED: &str = "13.71.171.9";

fn connections(daemon: &Daemon, iface: &str) -> u64 {
    daemon.scrape().unwrap().sum("d365_smtp_connections_total", &[("iface", iface), ("geo", "CAN")])
}

/// An alternative name has up to 127 bytes. The label is the name that the operator gave.
#[test]
fn an_alternative_name_of_any_length_names_the_interface() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let _listener = listen(&lab);
    let (short, long) = ("mail0", format!("mail-{}", "x".repeat(122)));
    for name in [short, &long] {
        lab.host.ip(&["link", "property", "add", "dev", lab.iface(), "altname", name]).unwrap();
        let report = doctor(&lab.host, name);
        assert_eq!(report.of("interface", Some(name)), ("ok", "up"));
        assert_eq!(report.of("driver", Some(name)), ("ok", "veth"));
        assert_eq!(report.of("xdp_programs", Some(name)), ("ok", "none"));
        assert_ne!(report.of("gro", Some(name)).0, "warning");
    }
    let options = DaemonOptions::on(&[&long]).args(["--tag", "mark", "--lease", "never"]);
    let daemon = Daemon::start(&lab.host, &options).unwrap();
    deliver_from(&lab, 0, &[LISTED.parse().unwrap()]);
    assert_eq!(connections(&daemon, &long), 1);
    let scrape = daemon.scrape().unwrap();
    for metric in ["d365_attached", "d365_tag_attached"] {
        assert_eq!(scrape.sum(metric, &[("iface", &long)]), 1, "{metric}");
    }
    stop(daemon);
    assert_eq!(doctor(&lab.host, &long).of("tc_programs", Some(&long)), ("ok", "none"));
    // On kernels without tcx, the daemon attaches its filter by the interface's name.
    let no_tcx = Faults::new();
    no_tcx.fail(command::LINK_CREATE, 2, Errno::EINVAL);
    let daemon = Daemon::start(&lab.host, &options.faults_by(&no_tcx)).unwrap();
    assert_eq!(daemon.scrape().unwrap().sum("d365_tag_attached", &[("iface", &long)]), 1);
    stop(daemon);
    assert_eq!(doctor(&lab.host, &long).of("tc_programs", Some(&long)), ("ok", "none"));
    for two in [[lab.iface(), long.as_str()], [long.as_str(), short]] {
        refused(&lab.host, &DaemonOptions::on(&two), Exit::Interface, &[two[0], two[1], "one link"]);
    }
    let both = format!("{},{long}", lab.iface());
    let text = shell(&lab.host, &format!("{} doctor --iface {both} || true", binary().unwrap().display()));
    assert!(text.contains("are one link"), "{text}");
    let unknown = "y".repeat(127);
    refused(&lab.host, &DaemonOptions::on(&[&unknown]), Exit::Interface, &[&unknown, "ip -br link"]);
}

/// The daemon still watches the interface, under the name that the operator gave.
#[test]
fn a_renamed_interface_keeps_its_label() {
    require!(Root, Tool("ip"), Kernel(6, 2, "an interface that is up gets another name"), Daemon);
    let lab = Lab::new().unwrap();
    let _listener = listen(&lab);
    let daemon = start(&lab, &[]);
    deliver_from(&lab, 0, &[LISTED.parse().unwrap()]);
    assert_eq!(connections(&daemon, lab.iface()), 1);
    let new = veth::unique_name("new");
    lab.host.ip(&["link", "set", "dev", lab.iface(), "name", &new]).unwrap();
    let message = "the interface has a new name";
    let fields = format!(" iface={} new_name={new}", lab.iface());
    daemon.wait_for_line(&[message, &fields], Duration::from_secs(5)).unwrap();
    deliver_again(&lab, 0, &[LISTED.parse().unwrap()]);
    assert_eq!(connections(&daemon, lab.iface()), 2);
    assert_eq!(daemon.get("/readyz", &[]).unwrap().status, 200);
    assert_eq!(doctor(&lab.host, lab.iface()).of("interface", Some(lab.iface())).0, "error");
    assert_eq!(doctor(&lab.host, &new).of("interface", Some(&new)), ("ok", "up"));
    assert_eq!(daemon.log().matches(message).count(), 1, "{}", daemon.log());
}
