//! How the daemon behaves around its work: readiness, formats, stop, kinds of attachment, log records.

use std::time::Duration;

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    lab::Lab,
    mount::{Mount, View},
    netns::Netns,
    promtool, require,
    seccomp::{BpfFault, command},
};
use nix::{errno::Errno, sys::signal::Signal};

use crate::mail::{deliver_from, embedded, listen};

/// What `ip link` shows of an interface.
fn shown(netns: &Netns, iface: &str) -> String {
    netns.ip(&["-d", "link", "show", "dev", iface]).unwrap()
}

fn has_xdp(netns: &Netns, iface: &str) -> bool {
    shown(netns, iface).contains("prog/xdp")
}

#[test]
fn it_stops_by_both_signals_and_detaches() {
    require!(Root, Tool("ip"), Daemon);
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let lab = Lab::new().unwrap();
        let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&[lab.iface()])).unwrap();
        assert!(has_xdp(&lab.host, lab.iface()));
        let exit = daemon.stop_by(signal).unwrap();
        assert_eq!(exit.status.code(), Some(0), "{}", exit.stderr);
        assert!(exit.took < Duration::from_secs(5), "{:?}", exit.took);
        assert!(!has_xdp(&lab.host, lab.iface()), "{}", shown(&lab.host, lab.iface()));
    }
}

#[test]
fn a_daemon_that_is_killed_leaves_the_interface_free() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&[lab.iface()])).unwrap();
    daemon.stop_by(Signal::SIGKILL).unwrap();
    assert!(!has_xdp(&lab.host, lab.iface()));
}

#[test]
fn every_series_is_there_at_zero_from_the_first_scrape() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&[lab.iface()])).unwrap();
    let scrape = daemon.scrape().unwrap();
    let iface = ("iface", lab.iface());
    for range in embedded().ranges() {
        let geo = [iface, ("geo", range.geo.code.as_str()), ("geo_source", range.geo.source.as_str())];
        for unit in ["packets", "bytes", "connections"] {
            assert_eq!(scrape.count(&format!("d365_smtp_{unit}_total"), &geo), 0);
            let range = [iface, ("range", &range.prefix.to_string())];
            assert_eq!(scrape.count(&format!("d365_range_{unit}_total"), &range), 0);
        }
    }
    let reasons = ["other_port", "not_tcp", "not_ip", "later_fragment", "malformed", "too_many_headers"];
    for reason in reasons {
        assert_eq!(scrape.count("d365_other_packets_total", &[iface, ("reason", reason)]), 0);
    }
    assert_eq!(scrape.sum("d365_ranges", &[]), 39);
    assert_eq!(scrape.sum("d365_ranges", &[("geo_source", "documented")]), 15);
    assert_eq!(scrape.count("d365_generation", &[]), 1);
    assert_eq!(scrape.count("d365_generation_info", &[("source", "embedded")]), 1);
    assert!(scrape.value("process_resident_memory_bytes", &[]) > 0.0);
    assert_eq!(scrape.select("d365_build_info", &[]).count(), 1);
}

#[test]
fn http_answers_as_documented() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&[lab.iface()])).unwrap();
    for (path, status) in [("/", 200), ("/healthz", 200), ("/readyz", 200), ("/metrics", 200), ("/else", 404)]
    {
        assert_eq!(daemon.get(path, &[]).unwrap().status, status, "{path}");
    }
    let open = daemon.get("/metrics", &[("Accept", "application/openmetrics-text; version=1.0.0")]).unwrap();
    assert!(open.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    assert!(open.body.ends_with("# EOF\n"));
    let classic = daemon.get("/metrics", &[]).unwrap();
    assert!(classic.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
}

#[test]
fn promtool_finds_nothing_in_a_real_scrape() {
    require!(Root, Tool("ip"), Daemon, Tool("promtool"));
    let lab = Lab::new().unwrap();
    let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&[lab.iface()])).unwrap();
    let text = daemon.get("/metrics", &[("Accept", "text/plain")]).unwrap().body;
    assert_eq!(promtool::complaints(&text).unwrap(), "", "{text}");
}

/// The loopback has no native XDP.
#[test]
fn auto_falls_back_to_generic_and_says_so() {
    require!(Root, Tool("ip"), Daemon);
    let netns = Netns::new().unwrap();
    let daemon = Daemon::start(&netns, &DaemonOptions::on(&["lo"])).unwrap();
    let labels = [("iface", "lo"), ("mode", "generic"), ("link", "bpf_link")];
    assert_eq!(daemon.scrape().unwrap().count("d365_attached", &labels), 1);
    daemon.wait_for_log("lo: native mode refused", Duration::from_secs(5)).unwrap();
    daemon.wait_for_log("lo: attached, mode generic", Duration::from_secs(5)).unwrap();
    assert!(shown(&netns, "lo").contains("xdpgeneric"));
}

/// A kernel that refuses a BPF link with EINVAL makes aya attach by netlink.
#[test]
fn an_attachment_by_netlink_is_recognised_and_taken_back() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let fault = BpfFault::of(command::LINK_CREATE, Errno::EINVAL);
    let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&[lab.iface()]).fault(fault)).unwrap();
    let labels = [("iface", lab.iface()), ("mode", "native"), ("link", "netlink")];
    assert_eq!(daemon.scrape().unwrap().count("d365_attached", &labels), 1);
    daemon.wait_for_log("attached by netlink, not by a BPF link", Duration::from_secs(5)).unwrap();
    assert_eq!(daemon.stop().unwrap().status.code(), Some(0));
    assert!(!has_xdp(&lab.host, lab.iface()));
}

#[test]
fn an_interface_that_is_lost_shows_as_not_attached() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&[lab.iface()])).unwrap();
    let attached = |daemon: &Daemon| daemon.scrape().unwrap().sum("d365_attached", &[("iface", lab.iface())]);
    assert_eq!(attached(&daemon), 1);
    lab.host.ip(&["link", "del", "dev", lab.iface()]).unwrap();
    assert_eq!(attached(&daemon), 0);
    assert_eq!(daemon.stop().unwrap().status.code(), Some(0));
}

#[test]
fn packets_are_logged_when_asked_for_and_not_otherwise() {
    require!(Root, Tool("ip"), Daemon);
    for asked in [true, false] {
        let lab = Lab::new().unwrap();
        let _listener = listen(&lab);
        let options = DaemonOptions::on(&[lab.iface()]);
        let options = if asked { options.args(["--log-packets"]) } else { options };
        let daemon = Daemon::start(&lab.host, &options).unwrap();
        let sources = ["13.71.171.9", "198.51.100.9", "2001:db8:1::9"].map(|source| source.parse().unwrap());
        deliver_from(&lab, 0, &sources);
        let records =
            ["listed 13.71.171.9 bytes=", "unlisted 198.51.100.9 bytes=", "unlisted 2001:db8:1::9 bytes="];
        if asked {
            for record in records {
                daemon.wait_for_log(record, Duration::from_secs(5)).unwrap();
            }
        } else {
            let log = daemon.stop().unwrap().stderr;
            assert!(records.iter().all(|record| !log.contains(record)), "{log}");
        }
    }
}

/// Neither is needed: what is missing is said, and the daemon does its work.
#[test]
fn without_bpffs_and_btf_it_works_and_says_what_is_missing() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let _listener = listen(&lab);
    let view = View::new(&lab.host, &[Mount::HideBpffs, Mount::HideBtf]).unwrap();
    let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&[lab.iface()]).view(&view)).unwrap();
    deliver_from(&lab, 0, &["13.71.171.9".parse().unwrap()]);
    assert_eq!(daemon.scrape().unwrap().sum("d365_smtp_connections_total", &[("geo", "CAN")]), 1);
    for note in ["kernel BTF (/sys/kernel/btf/vmlinux) is missing", "no bpffs on /sys/fs/bpf"] {
        daemon.wait_for_log(note, Duration::from_secs(5)).unwrap();
    }
}

#[test]
fn three_capabilities_are_enough() {
    use d365_tests::credentials::capability::{BPF, NET_ADMIN, PERFMON};
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let _listener = listen(&lab);
    let options = DaemonOptions::on(&[lab.iface()]).nobody(&[NET_ADMIN, PERFMON, BPF]);
    let daemon = Daemon::start(&lab.host, &options).unwrap();
    deliver_from(&lab, 0, &["13.71.171.9".parse().unwrap()]);
    let scrape = daemon.scrape().unwrap();
    assert_eq!(scrape.sum("d365_smtp_connections_total", &[("geo", "CAN")]), 1);
    assert_eq!(scrape.count("d365_attached", &[("link", "bpf_link")]), 1);
}
