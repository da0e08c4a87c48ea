//! The daemon's behaviour apart from counting: readiness, output formats, stop, kinds of attachment, log
//! records.

use std::{fs, time::Duration};

use aya::util::KernelVersion;
use d365_tests::{
    credentials::capability::{BPF, NET_ADMIN, PERFMON, SYS_RESOURCE},
    daemon::{Daemon, DaemonOptions},
    frame::{Frame, Packet, Tcp},
    lab::Lab,
    mount::{Mount, View},
    netns::Netns,
    raw::FrameSender,
    require,
    scrape::Scrape,
    temp::TempFile,
};

use crate::{
    mail::{deliver_from, embedded, listen},
    steps::{
        addresses, detach, field, has_xdp, knock, on, shell, shown, source, start, started, stop, two_links,
        xdp_filter, xdp_id,
    },
};

/// Asserts that every series of an interface is there, and that nothing was counted.
fn every_series_is_at_zero(scrape: &Scrape, iface: &str) {
    let iface = ("iface", iface);
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
    let origin = [("source", "embedded"), ("change_number", "412")];
    assert_eq!(scrape.count("d365_generation_info", &origin), 1);
    assert!(scrape.value("process_resident_memory_bytes", &[]) > 0.0);
    assert_eq!(scrape.select("d365_build_info", &[]).count(), 1);
}

#[test]
fn http_answers_as_documented() {
    require!(Root, Tool("ip"), Daemon);
    let (lab, daemon) = started(&[]);
    every_series_is_at_zero(&daemon.scrape().unwrap(), lab.iface());
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

/// The embedded list needs no stored state: the daemon counts, and reports the problem.
#[test]
fn an_unusable_state_directory_is_said_and_counted() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let file = TempFile::new("state", "");
    let path = file.path().to_str().unwrap();
    let options = DaemonOptions { state: None, ..DaemonOptions::on(&[lab.iface()]) };
    let daemon = Daemon::start(&lab.host, &options.args(["--state-dir", path])).unwrap();
    let scrape = daemon.scrape().unwrap();
    assert_eq!(scrape.count("d365_state_failures_total", &[("operation", "directory")]), 1);
    assert_eq!(scrape.sum("d365_state_failures_total", &[]), 1);
    let log = daemon.stop().unwrap().stderr;
    assert!(
        log.lines().any(|line| line.contains(path) && line.contains("going on without the state directory")),
        "{log}"
    );
}

/// An operator who asks for tags must know that the embedded list is trusted only until its lease ends.
#[test]
fn tags_by_the_embedded_list_alone_are_warned_of() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let warning = "the embedded list alone is trusted until its lease ends";
    for (flags, warned) in [
        (&["--tag", "dscp"][..], true),
        (&["--unlisted", "drop"], true),
        (&["--tag", "dscp", "--lease", "never"], false),
        (&[], false),
    ] {
        let log = stop(start(&lab, flags));
        assert_eq!(log.contains(warning), warned, "{flags:?}: {log}");
    }
}

/// The loopback has no native XDP.
#[test]
fn auto_falls_back_to_tc_and_says_so() {
    require!(Root, Tool("ip"), Daemon);
    let netns = Netns::new().unwrap();
    let daemon = Daemon::start(&netns, &DaemonOptions::on(&["lo"])).unwrap();
    let labels = [("iface", "lo"), ("mode", "tc")];
    assert_eq!(daemon.scrape().unwrap().count("d365_attached", &labels), 1);
    daemon
        .wait_for_line(&["attached by tc in place of native XDP", " iface=lo"], Duration::from_secs(5))
        .unwrap();
    daemon.wait_for_log("attached iface=lo mode=tc", Duration::from_secs(5)).unwrap();
    assert!(!shown(&netns, "lo").contains("xdp"));
}

#[test]
fn packets_are_logged_when_asked_for_and_not_otherwise() {
    require!(Root, Tool("ip"), Daemon);
    let list = TempFile::new("log", "13.71.171.0/24\n2001:db8:77::/48\n");
    let spec = source(list.path());
    for asked in [true, false] {
        let log: &[&str] = if asked { &["--log-packets"] } else { &[] };
        let (lab, daemon) = started(&[&["--ranges", &spec, "--allow-special"], log].concat());
        let sender = FrameSender::on(&lab.link().sender).unwrap();
        for source in addresses(&["13.71.171.9", "198.51.100.9", "2001:db8:77::9", "2001:db8:1::9"]) {
            for tcp in [Tcp::new(40_000, 25).syn(), Tcp::new(40_000, 25)] {
                let host = lab.link().host_for(source);
                sender.send(&Frame::new(Packet::between(source, host, tcp))).unwrap();
            }
        }
        let records = [
            ("listed 13.71.171.9 bytes=54", " listed"),
            ("unlisted 198.51.100.9 bytes=54", ""),
            ("listed 2001:db8:77::9 bytes=74", " listed"),
            ("unlisted 2001:db8:1::9 bytes=74", ""),
        ];
        for (record, whole_word) in records {
            for syn in [1, 0] {
                let line = format!("{record} syn={syn}");
                if asked {
                    daemon.wait_for_log(&line, Duration::from_secs(5)).unwrap();
                    assert!(whole_word.is_empty() || !daemon.log().contains(&format!("un{line}")), "{line}");
                } else {
                    assert!(!daemon.log().contains(&line), "{line}");
                }
            }
        }
    }
}

/// A foreign process detaches the program, and then attaches another. The daemon reports neither state as
/// attached, and leaves the other program as it is.
#[test]
fn an_attachment_that_is_taken_away_shows_in_metric_log_and_readiness() {
    require!(Root, Tool("ip"), Tool("bpftool"), Tool("xdp-filter"), Daemon);
    let (lab, daemon) = started(&["--no-reattach"]);
    let attached = || daemon.scrape().unwrap().sum("d365_attached", &[("iface", lab.iface())]);
    assert_eq!(attached(), 1);
    detach(&daemon, &lab.host, &[&xdp_id(&lab.host, lab.iface())]);
    assert_eq!(attached(), 0);
    let _view = xdp_filter(&lab, "native");
    assert!(has_xdp(&lab.host, lab.iface()));
    assert_eq!(attached(), 0, "another program is not ours");
    daemon.wait_for_log("not attached: packets", Duration::from_secs(20)).unwrap();
    assert_eq!(daemon.get("/readyz", &[]).unwrap().status, 503);
    assert_eq!(daemon.scrape().unwrap().count("d365_reattached_total", &[("iface", lab.iface())]), 0);
    stop(daemon);
    assert!(has_xdp(&lab.host, lab.iface()), "and is left as it is");
}

#[test]
fn remarks_on_a_list_are_logged_and_a_flood_of_them_is_cut() {
    require!(Root, Tool("ip"), Daemon);
    let lines: String = (0..50).map(|n| format!("11.0.{n}.1/24\n")).collect();
    let list = TempFile::new("remarks", &lines);
    let (_lab, daemon) = started(&["--ranges", &source(list.path())]);
    daemon.wait_for_log("11.0.0.1/24", Duration::from_secs(5)).unwrap();
    daemon.wait_for_log("more remarks on the range lists", Duration::from_secs(5)).unwrap();
    assert!(daemon.log().lines().filter(|line| line.contains(" WARN ")).count() <= 21, "{}", daemon.log());
}

/// The daemon watches two interfaces, and a packet has neither of them: `BPF_PROG_TEST_RUN` gives it the
/// loopback.
#[test]
fn packets_of_no_watched_interface_are_counted_apart() {
    require!(Root, Tool("ip"), Tool("bpftool"), Daemon);
    let lab = two_links();
    let ifaces = [lab.links[0].host.name.as_str(), lab.links[1].host.name.as_str()];
    let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&ifaces)).unwrap();
    let packet = Packet::between([13, 71, 171, 9].into(), [192, 0, 2, 25].into(), Tcp::new(40_000, 25).syn());
    let frame = TempFile::new("frame", Frame::new(packet).bytes());
    let id = xdp_id(&lab.host, ifaces[0]);
    shell(&lab.host, &format!("bpftool prog run id {id} data_in {}", frame.path().display()));
    let scrape = daemon.scrape().unwrap();
    let stranger = [("iface", "other/unknown"), ("geo", "CAN")];
    assert_eq!(scrape.sum("d365_smtp_packets_total", &stranger), 1);
    assert_eq!(scrape.select("d365_attached", &[]).count(), 2, "nothing is attached to none");
}

/// The daemon needs neither. It reports that kernel BTF is missing.
#[test]
fn without_bpffs_and_btf_it_works() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let _listener = listen(&lab);
    let view = View::new(&lab.host, &[Mount::HideBpffs, Mount::HideBtf]).unwrap();
    let daemon = Daemon::start(&lab.host, &on(&lab, &[]).view(&view)).unwrap();
    deliver_from(&lab, 0, &["13.71.171.9".parse().unwrap()]);
    assert_eq!(daemon.scrape().unwrap().sum("d365_smtp_connections_total", &[("geo", "CAN")]), 1);
    let note = ["kernel BTF is missing", " path=/sys/kernel/btf/vmlinux"];
    daemon.wait_for_line(&note, Duration::from_secs(5)).unwrap();
}

/// Kernels before 5.11 charge maps to the limit of locked memory. The daemon needs a fourth capability to
/// raise that limit.
#[test]
fn three_capabilities_are_enough() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let _listener = listen(&lab);
    let charges = KernelVersion::current().unwrap() < KernelVersion::new(5, 11, 0);
    let capabilities = [NET_ADMIN, PERFMON, BPF, SYS_RESOURCE];
    let capabilities = &capabilities[..if charges { 4 } else { 3 }];
    let options = on(&lab, &["--tag", "mark,dscp", "--lease", "never", "--unlisted", "drop"]);
    let daemon = Daemon::start(&lab.host, &options.nobody(capabilities)).unwrap();
    daemon
        .wait_for_log(
            "unlisted: new connections are dropped while the lease holds port=25 ",
            Duration::from_secs(10),
        )
        .unwrap();
    knock(lab.link(), &["198.51.100.7"]);
    deliver_from(&lab, 0, &["13.71.171.9".parse().unwrap()]);
    let scrape = daemon.scrape().unwrap();
    assert_eq!(scrape.sum("d365_smtp_connections_total", &[("geo", "CAN")]), 1);
    assert_eq!(scrape.sum("d365_unlisted_dropped_packets_total", &[]), 1);
    assert_eq!(scrape.count("d365_attached", &[("mode", "native")]), 1);
    assert_eq!(scrape.sum("d365_tag_attached", &[]), 1);
    for tag in ["mark", "dscp"] {
        assert!(scrape.sum("d365_tagged_packets_total", &[("tag", tag)]) > 1, "{tag}");
    }

    // All four user ids of the kernel are `nobody`, and every usable capability set contains exactly the
    // given capabilities.
    let nobody = ["65534"; 4].join(" ");
    let given = format!("{:016x}", capabilities.iter().fold(0_u64, |set, number| set | 1 << number));
    let tasks = fs::read_dir(format!("/proc/{}/task", daemon.pid())).unwrap();
    // A thread that has ended in the meantime has no such file.
    let status = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("status")).ok());
    let threads: Vec<String> = status.collect();
    assert!(threads.len() > 1, "{threads:?}");
    for thread in threads {
        let field = |name| field(&thread, name).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(["Uid:", "Gid:", "Groups:"].map(field), [nobody.as_str(), &nobody, ""]);
        assert_eq!(["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"].map(field), [(); 4].map(|()| given.clone()));
    }
}
