//! The daemon's behaviour apart from counting: readiness, output formats, stop, kinds of attachment, log
//! records.

use std::{net::IpAddr, process::Command, time::Duration};

use aya::util::KernelVersion;
use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    frame::{Frame, Packet, Tcp},
    lab::{Lab, LabOptions},
    mount::{Mount, View},
    netns::Netns,
    promtool,
    raw::FrameSender,
    require,
    seccomp::{BpfFault, command},
    temp::TempFile,
};
use nix::errno::Errno;

use crate::mail::{deliver_from, embedded, listen};

/// The output of `ip link` for an interface.
fn shown(netns: &Netns, iface: &str) -> String {
    netns.ip(&["-d", "link", "show", "dev", iface]).unwrap()
}

pub(crate) fn has_xdp(netns: &Netns, iface: &str) -> bool {
    shown(netns, iface).contains("prog/xdp")
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
    let origin = [("source", "embedded"), ("change_number", "412")];
    assert_eq!(scrape.count("d365_generation_info", &origin), 1);
    assert!(scrape.value("process_resident_memory_bytes", &[]) > 0.0);
    assert_eq!(scrape.select("d365_build_info", &[]).count(), 1);
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
        let options = DaemonOptions::on(&[lab.iface()]).args(flags.iter().copied());
        let log = Daemon::start(&lab.host, &options).unwrap().stop().unwrap().stderr;
        assert_eq!(log.contains(warning), warned, "{flags:?}: {log}");
    }
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
    daemon.wait_for_line(&["native mode refused", " iface=lo"], Duration::from_secs(5)).unwrap();
    daemon.wait_for_log("attached iface=lo mode=generic", Duration::from_secs(5)).unwrap();
    assert!(shown(&netns, "lo").contains("xdpgeneric"));
}

/// A kernel that rejects a BPF link with EINVAL makes aya attach by netlink.
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
        let list = TempFile::new("log", "13.71.171.0/24\n2001:db8:77::/48\n");
        let spec = format!("file:{}", list.path().display());
        let options = DaemonOptions::on(&[lab.iface()]).args(["--ranges", &spec, "--allow-special"]);
        let options = if asked { options.args(["--log-packets"]) } else { options };
        let daemon = Daemon::start(&lab.host, &options).unwrap();
        let sender = FrameSender::on(&lab.link().sender).unwrap();
        let sources = ["13.71.171.9", "198.51.100.9", "2001:db8:77::9", "2001:db8:1::9"];
        for source in sources.map(|source| source.parse::<IpAddr>().unwrap()) {
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
/// attached.
#[test]
fn an_attachment_that_is_taken_away_shows_in_metric_log_and_readiness() {
    require!(Root, Tool("ip"), Tool("bpftool"), Tool("xdp-filter"), Daemon);
    let lab = Lab::new().unwrap();
    let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&[lab.iface()])).unwrap();
    let attached = || daemon.scrape().unwrap().sum("d365_attached", &[("iface", lab.iface())]);
    assert_eq!(attached(), 1);
    let fdinfo = format!("/proc/{}/fdinfo", daemon.pid());
    let link = std::fs::read_dir(fdinfo).unwrap().find_map(|entry| {
        let text = std::fs::read_to_string(entry.unwrap().path()).ok()?;
        text.lines().find_map(|line| Some(line.strip_prefix("link_id:")?.trim().to_owned()))
    });
    let mut detach = Command::new("bpftool");
    detach.args(["link", "detach", "id", &link.unwrap()]);
    lab.host.output(&mut detach).unwrap();
    assert_eq!(attached(), 0);
    let view = View::new(&lab.host, &[Mount::Bpffs, Mount::EmptyRun]).unwrap();
    let mut load = Command::new("xdp-filter");
    load.args(["load", "--mode", "native", lab.iface()]);
    view.give_to(&mut load);
    lab.host.output(&mut load).unwrap();
    assert!(has_xdp(&lab.host, lab.iface()));
    assert_eq!(attached(), 0, "another program is not ours");
    daemon.wait_for_log("not attached any more", Duration::from_secs(20)).unwrap();
    assert_eq!(daemon.get("/readyz", &[]).unwrap().status, 503);
    assert_eq!(daemon.stop().unwrap().status.code(), Some(0));
    assert!(has_xdp(&lab.host, lab.iface()), "and is left as it is");
}

#[test]
fn remarks_on_a_list_are_logged_and_a_flood_of_them_is_cut() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let lines: String = (0..50).map(|n| format!("11.0.{n}.1/24\n")).collect();
    let list = TempFile::new("remarks", &lines);
    let spec = format!("file:{}", list.path().display());
    let daemon =
        Daemon::start(&lab.host, &DaemonOptions::on(&[lab.iface()]).args(["--ranges", &spec])).unwrap();
    daemon.wait_for_log("11.0.0.1/24", Duration::from_secs(5)).unwrap();
    daemon.wait_for_log("more remarks on the range lists", Duration::from_secs(5)).unwrap();
    assert!(daemon.log().lines().filter(|line| line.contains(" WARN ")).count() <= 21, "{}", daemon.log());
}

/// The daemon watches two interfaces, and a packet has neither of them: `BPF_PROG_TEST_RUN` gives it the
/// loopback.
#[test]
fn packets_of_no_watched_interface_are_counted_apart() {
    require!(Root, Tool("ip"), Tool("bpftool"), Daemon);
    let lab = Lab::with(LabOptions { links: 2, ..LabOptions::default() }).unwrap();
    let ifaces = [lab.links[0].host.name.as_str(), lab.links[1].host.name.as_str()];
    let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&ifaces)).unwrap();
    let shown = shown(&lab.host, ifaces[0]);
    let id = shown.split("prog/xdp id ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    let packet = Packet::between([13, 71, 171, 9].into(), [192, 0, 2, 25].into(), Tcp::new(40_000, 25).syn());
    let frame = TempFile::reserve("frame");
    std::fs::write(frame.path(), Frame::new(packet).bytes()).unwrap();
    let mut run = Command::new("bpftool");
    run.args(["prog", "run", "id", id, "data_in", frame.path().to_str().unwrap()]);
    lab.host.output(&mut run).unwrap();
    let scrape = daemon.scrape().unwrap();
    let stranger = [("iface", "other/unknown"), ("geo", "CAN")];
    assert_eq!(scrape.sum("d365_smtp_packets_total", &stranger), 1);
    assert_eq!(scrape.select("d365_attached", &[]).count(), 2, "nothing is attached to none");
}

/// The daemon needs neither: it reports what is missing and works.
#[test]
fn without_bpffs_and_btf_it_works_and_says_what_is_missing() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let _listener = listen(&lab);
    let view = View::new(&lab.host, &[Mount::HideBpffs, Mount::HideBtf]).unwrap();
    let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&[lab.iface()]).view(&view)).unwrap();
    deliver_from(&lab, 0, &["13.71.171.9".parse().unwrap()]);
    assert_eq!(daemon.scrape().unwrap().sum("d365_smtp_connections_total", &[("geo", "CAN")]), 1);
    for note in [
        ["kernel BTF is missing", " path=/sys/kernel/btf/vmlinux"],
        ["counters are not pinned", " error=\"no bpffs at /sys/fs/bpf"],
    ] {
        daemon.wait_for_line(&note, Duration::from_secs(5)).unwrap();
    }
}

/// `/proc/PID/status` of every thread of the daemon.
fn threads(daemon: &Daemon) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", daemon.pid())).unwrap();
    // A thread that has ended in the meantime has no such file.
    tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("status")).ok()).collect()
}

/// Kernels before 5.11 charge maps to the limit of locked memory. The daemon needs a fourth capability to
/// raise that limit.
#[test]
fn three_capabilities_are_enough() {
    use d365_tests::credentials::capability::{BPF, NET_ADMIN, PERFMON, SYS_RESOURCE};
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let _listener = listen(&lab);
    let charges = KernelVersion::current().unwrap() < KernelVersion::new(5, 11, 0);
    let capabilities = [NET_ADMIN, PERFMON, BPF, SYS_RESOURCE];
    let capabilities = &capabilities[..if charges { 4 } else { 3 }];
    let options = DaemonOptions::on(&[lab.iface()]).nobody(capabilities);
    let options = options.args(["--tag", "mark,dscp", "--lease", "never", "--unlisted", "drop"]);
    let daemon = Daemon::start(&lab.host, &options).unwrap();
    daemon
        .wait_for_log(
            "unlisted: new connections are dropped while the lease holds port=25 ",
            Duration::from_secs(10),
        )
        .unwrap();
    let stranger =
        Packet::between([198, 51, 100, 7].into(), lab.link().host_v4().into(), Tcp::new(40_000, 25).syn());
    FrameSender::on(&lab.link().sender).unwrap().send(&Frame::new(stranger)).unwrap();
    deliver_from(&lab, 0, &["13.71.171.9".parse().unwrap()]);
    let scrape = daemon.scrape().unwrap();
    assert_eq!(scrape.sum("d365_smtp_connections_total", &[("geo", "CAN")]), 1);
    assert_eq!(scrape.sum("d365_unlisted_dropped_packets_total", &[]), 1);
    assert_eq!(scrape.count("d365_attached", &[("link", "bpf_link")]), 1);
    assert_eq!(scrape.sum("d365_tag_attached", &[]), 1);
    for tag in ["mark", "dscp"] {
        assert!(scrape.sum("d365_tagged_packets_total", &[("tag", tag)]) > 1, "{tag}");
    }

    // All four user ids of the kernel are `nobody`, and every usable capability set contains exactly the
    // given capabilities.
    let nobody = ["65534"; 4].join(" ");
    let given = format!("{:016x}", capabilities.iter().fold(0_u64, |set, number| set | 1 << number));
    let threads = threads(&daemon);
    assert!(threads.len() > 1, "{threads:?}");
    for thread in threads {
        let field = |name: &str| {
            let line = thread.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(["Uid:", "Gid:", "Groups:"].map(field), [nobody.as_str(), &nobody, ""]);
        assert_eq!(["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"].map(field), [(); 4].map(|()| given.clone()));
    }
}
