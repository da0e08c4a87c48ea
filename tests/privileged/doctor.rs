//! `d365-user doctor` with real interfaces, programs and directories. The tests compare its report with the
//! daemon's later behaviour, and with the reports of other tools.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    lab::{Lab, LabOptions},
    mount::{Mount, View},
    netns::Netns,
    offload::{self, Offload},
    require,
    require::Requirement,
    task,
    temp::{TempDir, TempFile},
};
use serde_json::Value;

mod place;
mod programs;

/// From this version on, the kernel reports the XDP features of drivers. On an older kernel only an attempt
/// shows them.
const TOLD: Requirement = Requirement::Kernel(6, 3, "drivers tell of their XDP");
/// From this version on, programs accept frames in several buffers.
const FRAGS: Requirement = Requirement::Kernel(5, 18, "xdp.frags");

pub(crate) struct Report {
    code: Option<i32>,
    report: Value,
}

impl Report {
    /// Level and text of one check, for one interface if one is named.
    pub(crate) fn of(&self, check: &str, interface: Option<&str>) -> (&str, &str) {
        let findings = self.report["findings"].as_array().unwrap();
        let is = |finding: &&Value| finding["check"] == check && finding["interface"].as_str() == interface;
        let found: Vec<_> = findings.iter().filter(is).collect();
        let [finding] = &found[..] else {
            panic!("{check} of {interface:?}: {found:?} in {:#}", self.report)
        };
        assert_eq!(finding["level"] == "ok", finding["advice"].is_null(), "{finding}");
        (finding["level"].as_str().unwrap(), finding["found"].as_str().unwrap())
    }

    /// Asserts that the exit code matches the worst level.
    fn assert_exit(&self) {
        let findings = self.report["findings"].as_array().unwrap();
        let has = |level: &str| findings.iter().any(|finding| finding["level"] == level);
        let (level, code) = if has("error") {
            ("error", 2)
        } else if has("warning") {
            ("warning", 1)
        } else {
            ("ok", 0)
        };
        assert_eq!(
            (self.report["level"].as_str(), self.code),
            (Some(level), Some(code)),
            "{:#}",
            self.report
        );
    }
}

fn report(output: &Output) -> Report {
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let report =
        Report { code: output.status.code(), report: serde_json::from_slice(&output.stdout).unwrap() };
    report.assert_exit();
    report
}

/// The command `doctor --json` with these flags and this state directory.
fn command(state: &Path, flags: &[&str]) -> Command {
    let flags = [&["doctor", "--json", "--state-dir", state.to_str().unwrap()], flags].concat();
    task::command(&flags).unwrap()
}

/// Runs doctor on one interface, with an empty state directory.
pub(crate) fn doctor(netns: &Netns, interface: &str) -> Report {
    let state = TempDir::new("doctor");
    report(&netns.run(|| command(state.path(), &["--iface", interface]).output()).unwrap())
}

fn mode(daemon: &Daemon, interface: &str) -> &'static str {
    let scrape = daemon.scrape().unwrap();
    let is = |mode| scrape.sum("d365_attached", &[("iface", interface), ("mode", mode)]) == 1;
    ["native", "generic"].into_iter().find(|mode| is(mode)).unwrap()
}

/// Doctor predicts the mode that the daemon then gets.
#[test]
fn native_mode_is_foretold() {
    require!(Root, Tool("ip"), TOLD, Daemon);
    for mtu in [1500, 9000] {
        let lab = Lab::with(LabOptions { mtu, ..LabOptions::default() }).unwrap();
        let iface = lab.iface();
        let before = doctor(&lab.host, iface);
        assert_eq!(before.of("native", Some(iface)), ("ok", "possible"));
        assert_eq!(before.of("driver", Some(iface)), ("ok", "veth"));
        let (level, said) = before.of("mtu", Some(iface));
        assert!(level == "ok" && said.starts_with(&mtu.to_string()), "{said}");
        let (_, features) = before.of("xdp_features", Some(iface));
        assert!(features.contains("basic") && features.contains("rx-sg"), "{features}");
        let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&[iface])).unwrap();
        assert_eq!(mode(&daemon, iface), "native");
    }
    let netns = Netns::new().unwrap();
    let before = doctor(&netns, "lo");
    assert_eq!(before.of("native", Some("lo")).0, "warning");
    assert_eq!(before.of("mtu", Some("lo")).0, "warning", "65536 in one buffer");
    assert_eq!(before.of("xdp_features", Some("lo")), ("ok", "none"));
    let daemon = Daemon::start(&netns, &DaemonOptions::on(&["lo"])).unwrap();
    assert_eq!(mode(&daemon, "lo"), "generic");
}

/// On a kernel that does not report XDP features, doctor draws no conclusion until an attached program proves
/// native mode.
#[test]
fn native_mode_is_known_once_a_program_runs() {
    require!(Root, Tool("ip"), Daemon);
    for (mtu, native) in [(1500, true), (9000, FRAGS.is_met())] {
        let lab = Lab::with(LabOptions { mtu, ..LabOptions::default() }).unwrap();
        let iface = lab.iface();
        let untold = |report: &Report, check| {
            let (level, said) = report.of(check, Some(iface));
            level == "warning" && said.starts_with("not known")
        };
        let before = doctor(&lab.host, iface);
        for check in ["xdp_features", "native"] {
            assert_eq!(untold(&before, check), !TOLD.is_met(), "{check} at MTU {mtu}: {:#}", before.report);
        }
        let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&[iface])).unwrap();
        assert_eq!(mode(&daemon, iface), if native { "native" } else { "generic" }, "MTU {mtu}");
        let after = doctor(&lab.host, iface);
        for check in ["xdp_features", "mtu", "native"] {
            assert_eq!(
                after.of(check, Some(iface)).0 == "ok",
                native,
                "{check} at MTU {mtu}: {:#}",
                after.report
            );
        }
    }
}

/// The names of the checks are part of the interface.
#[test]
fn every_check_is_named() {
    require!(Root, Tool("ip"), Daemon);
    const MACHINE: [&str; 16] = [
        "kernel",
        "bpf",
        "btf",
        "jit",
        "jit_harden",
        "bpffs",
        "memlock",
        "capabilities",
        "fwmark_accept",
        "environment",
        "clock",
        "state_dir",
        "state_files",
        "list_files",
        "daemon",
        "lease",
    ];
    const INTERFACE: [&str; 12] = [
        "interface",
        "place",
        "driver",
        "xdp_features",
        "mtu",
        "lro",
        "gro",
        "native",
        "generic",
        "tc",
        "xdp_programs",
        "tc_programs",
    ];
    let lab = Lab::new().unwrap();
    let Report { report, .. } = doctor(&lab.host, lab.iface());
    let named =
        |finding: &Value| (finding["check"].as_str().unwrap().to_owned(), !finding["interface"].is_null());
    let named: Vec<_> = report["findings"].as_array().unwrap().iter().map(named).collect();
    let machine = MACHINE.map(|check| (check.to_owned(), false));
    let interface = INTERFACE.map(|check| (check.to_owned(), true));
    assert_eq!(named, [&machine[..], &interface[..]].concat());
}

/// The test sets up everything that it can. Two findings may remain: the clock, which is the machine's, and
/// `jit_harden`, which only the first network namespace shows.
#[test]
fn a_fit_host_has_nothing_else_wrong() {
    require!(Root, Tool("ip"), KernelBtf, Daemon);
    let lab = Lab::new().unwrap();
    let view = View::new(&lab.host, &[Mount::Bpffs]).unwrap();
    let list = TempFile::new("doctor", "13.71.171.0/24\n");
    let spec = format!("file:{}", list.path().display());
    let options = DaemonOptions::on(&[lab.iface()]).args(["--ranges", &spec]).view(&view);
    let daemon = Daemon::start(&lab.host, &options).unwrap();
    let state = options.state.as_ref().unwrap().path();
    let deadline = Instant::now() + Duration::from_secs(10);
    while !state.join("gate.json").exists() {
        assert!(Instant::now() < deadline, "no gate is written down: {}", daemon.log());
        thread::sleep(Duration::from_millis(10));
    }
    let mut command = command(state, &["--iface", lab.iface()]);
    view.give_to(&mut command);
    let report = report(&lab.host.run(|| command.output()).unwrap());
    let findings = report.report["findings"].as_array().unwrap().iter();
    let wrong = findings.filter(|finding| finding["level"] != "ok");
    let wrong: BTreeSet<_> = wrong.map(|finding| finding["check"].as_str().unwrap()).collect();
    assert!(wrong.is_subset(&BTreeSet::from(["clock", "jit_harden"])), "{:#}", report.report);
    assert_eq!(report.of("jit", None), ("ok", "on"), "the daemon's program is compiled");
    let (_, own) = report.of("xdp_programs", Some(lab.iface()));
    let holder = format!("held by d365-user {}, native mode", daemon.pid());
    let program = if FRAGS.is_met() { "d365" } else { "d365_linear" };
    let named = format!("d365-user's own: {program} (id ");
    assert!(own.starts_with(&named) && own.ends_with(&holder), "{own}");
    assert_eq!(report.of("daemon", None).1, format!("process {} uses the state directory", daemon.pid()));
    assert!(report.of("lease", None).1.starts_with(&format!("last confirmed: {spec} 2")));
    assert_eq!(daemon.stop().unwrap().status.code(), Some(0));
}

#[test]
fn an_interface_is_missing_or_down() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let missing = doctor(&lab.host, "no-such");
    assert_eq!((missing.of("interface", Some("no-such")).0, missing.code), ("error", Some(2)));
    lab.host.ip(&["link", "set", "dev", lab.iface(), "down"]).unwrap();
    assert_eq!(doctor(&lab.host, lab.iface()).of("interface", Some(lab.iface())), ("warning", "down"));
    let state = TempDir::new("doctor");
    let whole = report(&lab.host.run(|| command(state.path(), &[]).output()).unwrap());
    assert_eq!(whole.of("interface", None).0, "warning", "none is up");
    lab.host.ip(&["link", "set", "dev", lab.iface(), "up"]).unwrap();
    let whole = report(&lab.host.run(|| command(state.path(), &[]).output()).unwrap());
    assert_eq!(whole.of("interface", Some(lab.iface())), ("ok", "up"));
}

#[test]
fn offloads_are_what_they_are() {
    require!(Root, Tool("ip"), Tool("ethtool"), Daemon);
    let lab = Lab::new().unwrap();
    let iface = lab.iface();
    for on in [true, false] {
        lab.host.run(|| offload::set(iface, Offload::Gro, on)).unwrap();
        let report = doctor(&lab.host, iface);
        let shown = lab.host.output(Command::new("ethtool").args(["-k", iface])).unwrap();
        for (check, feature) in [("gro", "generic-receive-offload"), ("lro", "large-receive-offload")] {
            let line = shown.lines().find_map(|line| line.strip_prefix(feature)?.strip_prefix(": ")).unwrap();
            let (_, said) = report.of(check, Some(iface));
            assert_eq!(said.starts_with("on"), line.starts_with("on"), "{check}: {said}; {line}");
        }
        assert_eq!(report.of("gro", Some(iface)).1.starts_with("on"), on);
    }
}

/// Each check that needs a privilege gives a warning with its reason, and the other checks still run.
#[test]
fn nobody_may_look() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let iface = lab.iface();
    let options = DaemonOptions::on(&[]).args(["doctor", "--json", "--iface", iface]).nobody(&[]);
    let done = Daemon::run(&lab.host, &options).unwrap();
    assert_eq!(done.stderr, "");
    let report = Report { code: done.status.code(), report: serde_json::from_str(&done.stdout).unwrap() };
    report.assert_exit();
    assert_eq!(report.code, Some(1));
    for (check, interface) in [("bpf", None), ("tc", Some(iface)), ("tc_programs", Some(iface))] {
        let (level, said) = report.of(check, interface);
        assert!(level == "warning" && said.starts_with("not known: not allowed to ask"), "{check}: {said}");
    }
    assert_eq!(report.of("capabilities", None).0, "warning");
    for check in ["interface", "driver", "mtu", "lro", "gro", "xdp_programs"] {
        assert_eq!(report.of(check, Some(iface)).0, "ok", "{check}");
    }
    for check in ["xdp_features", "native"] {
        assert_eq!(report.of(check, Some(iface)).0 == "ok", TOLD.is_met(), "{check}");
    }
}
