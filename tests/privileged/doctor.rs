//! `d365-user doctor` with real interfaces, programs and directories. The tests compare its report with the
//! daemon's later behaviour, and with the reports of other tools.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
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

use crate::steps::{on, shell, source, start, stop, until};

mod place;
mod programs;

/// From this version on, the kernel reports the XDP features of drivers. On an older kernel only an attempt
/// shows them.
const XDP_FEATURES: Requirement = Requirement::Kernel(6, 3, "drivers report XDP features");
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

    /// Asserts the level of a check and the beginning of its text. Returns the text.
    #[track_caller]
    pub(crate) fn begins(&self, check: &str, interface: Option<&str>, level: &str, begin: &str) -> &str {
        let (found, text) = self.of(check, interface);
        assert!(found == level && text.starts_with(begin), "{check}: {found}: {text}");
        text
    }

    /// Asserts that the exit code matches the worst level.
    fn assert_exit(&self) {
        let findings = self.report["findings"].as_array().unwrap();
        let has = |level: &str| findings.iter().any(|finding| finding["level"] == level);
        let levels = [("error", 2), ("warning", 1)];
        let (level, code) = levels.into_iter().find(|(level, _)| has(level)).unwrap_or(("ok", 0));
        let is = (self.report["level"].as_str(), self.code);
        assert_eq!(is, (Some(level), Some(code)), "{:#}", self.report);
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

/// Runs doctor with these flags and this state directory.
fn look(netns: &Netns, state: &Path, flags: &[&str]) -> Report {
    report(&netns.run(|| command(state, flags).output()).unwrap())
}

/// Does the same with a view of the file systems.
fn look_in(view: &View, netns: &Netns, state: &Path, flags: &[&str]) -> Report {
    let mut command = command(state, flags);
    view.give_to(&mut command);
    report(&netns.run(|| command.output()).unwrap())
}

/// Runs doctor on one interface, with an empty state directory.
pub(crate) fn doctor(netns: &Netns, interface: &str) -> Report {
    look(netns, TempDir::new("doctor").path(), &["--iface", interface])
}

fn mode(daemon: &Daemon, interface: &str) -> &'static str {
    let scrape = daemon.scrape().unwrap();
    let is = |mode| scrape.sum("d365_attached", &[("iface", interface), ("mode", mode)]) == 1;
    ["native", "generic", "tc"].into_iter().find(|mode| is(mode)).unwrap()
}

/// Doctor predicts the mode that the daemon then gets. On a kernel that does not report XDP features, it
/// draws no conclusion until an attached program proves native mode.
#[test]
fn native_mode_is_foretold_or_known_once_a_program_runs() {
    require!(Root, Tool("ip"), Daemon);
    for (mtu, native) in [(1500, true), (9000, FRAGS.is_met())] {
        let lab = Lab::with(LabOptions { mtu, ..LabOptions::default() }).unwrap();
        let iface = lab.iface();
        let before = doctor(&lab.host, iface);
        assert_eq!(before.of("driver", Some(iface)), ("ok", "veth"));
        if XDP_FEATURES.is_met() {
            assert_eq!(before.of("native", Some(iface)), ("ok", "possible"));
            before.begins("mtu", Some(iface), "ok", &mtu.to_string());
        } else {
            before.begins("native", Some(iface), "warning", "not known");
        }
        let (level, features) = before.of("xdp_features", Some(iface));
        let is_told = level == "ok" && features.contains("basic") && features.contains("rx-sg");
        let is_untold = level == "warning" && features.starts_with("not known");
        assert!(if XDP_FEATURES.is_met() { is_told } else { is_untold }, "MTU {mtu}: {features}");
        let daemon = start(&lab, &[]);
        assert_eq!(mode(&daemon, iface), if native { "native" } else { "tc" }, "MTU {mtu}");
        let after = doctor(&lab.host, iface);
        for check in ["xdp_features", "mtu", "native"] {
            let (level, text) = after.of(check, Some(iface));
            assert_eq!(level == "ok", native, "{check} at MTU {mtu}: {text}");
        }
    }
    if XDP_FEATURES.is_met() {
        // `operation::auto_falls_back_to_tc_and_says_so` starts the daemon there.
        let lo = doctor(&Netns::new().unwrap(), "lo");
        assert_eq!(lo.of("native", Some("lo")).0, "warning");
        assert_eq!(lo.of("mtu", Some("lo")).0, "warning", "65536 in one buffer");
        assert_eq!(lo.of("xdp_features", Some("lo")), ("ok", "none"));
    }
}

/// The test sets up everything that it can. Two findings may remain: the clock, which is the machine's, and
/// `jit_harden`, which only the first network namespace shows.
#[test]
fn a_fit_host_has_nothing_else_wrong() {
    require!(Root, Tool("ip"), KernelBtf, Daemon);
    let lab = Lab::new().unwrap();
    let view = View::new(&lab.host, &[Mount::Bpffs]).unwrap();
    let list = TempFile::new("doctor", "13.71.171.0/24\n");
    let spec = source(list.path());
    let options = on(&lab, &["--ranges", &spec]).view(&view);
    let daemon = Daemon::start(&lab.host, &options).unwrap();
    let state = options.state.as_ref().unwrap().path();
    until(10, || state.join("gate.json").exists(), || daemon.log());
    let report = look_in(&view, &lab.host, state, &["--iface", lab.iface()]);
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
    stop(daemon);
}

#[test]
fn an_interface_is_missing_or_down_and_every_check_is_named() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let missing = doctor(&lab.host, "no-such");
    assert_eq!((missing.of("interface", Some("no-such")).0, missing.code), ("error", Some(2)));
    lab.host.ip(&["link", "set", "dev", lab.iface(), "down"]).unwrap();
    assert_eq!(doctor(&lab.host, lab.iface()).of("interface", Some(lab.iface())), ("warning", "down"));
    let state = TempDir::new("doctor");
    let whole = look(&lab.host, state.path(), &[]);
    assert_eq!(whole.of("interface", None).0, "warning", "none is up");
    lab.host.ip(&["link", "set", "dev", lab.iface(), "up"]).unwrap();
    let whole = look(&lab.host, state.path(), &[]);
    assert_eq!(whole.of("interface", Some(lab.iface())), ("ok", "up"));
    // The names of the checks are part of the interface.
    const MACHINE: &str = "kernel bpf btf jit jit_harden memlock capabilities fwmark_accept \
                           environment clock http state_dir state_files list_files daemon lease";
    const INTERFACE: &str = "interface kind place driver xdp_features mtu lro gro native generic tc \
                             xdp_programs tc_programs";
    let Report { report, .. } = doctor(&lab.host, lab.iface());
    let named =
        |finding: &Value| (finding["check"].as_str().unwrap().to_owned(), !finding["interface"].is_null());
    let named: Vec<_> = report["findings"].as_array().unwrap().iter().map(named).collect();
    let expected = [(MACHINE, false), (INTERFACE, true)].into_iter();
    let expected = expected.flat_map(|(checks, of)| checks.split(' ').map(move |it| (it.to_owned(), of)));
    assert!(expected.eq(named.iter().cloned()), "{named:?}");
}

#[test]
fn offloads_are_what_they_are() {
    require!(Root, Tool("ip"), Tool("ethtool"), Daemon);
    let lab = Lab::new().unwrap();
    let iface = lab.iface();
    for on in [true, false] {
        lab.host.run(|| offload::set(iface, Offload::Gro, on)).unwrap();
        let report = doctor(&lab.host, iface);
        let shown = shell(&lab.host, &format!("ethtool -k {iface}"));
        for (check, feature) in [("gro", "generic-receive-offload"), ("lro", "large-receive-offload")] {
            let line = shown.lines().find_map(|line| line.strip_prefix(feature)?.strip_prefix(": ")).unwrap();
            let (_, text) = report.of(check, Some(iface));
            assert_eq!(text.starts_with("on"), line.starts_with("on"), "{check}: {text}; {line}");
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
        report.begins(check, interface, "warning", "not known: not allowed to ask");
    }
    assert_eq!(report.of("capabilities", None).0, "warning");
    for check in ["interface", "driver", "mtu", "lro", "gro", "xdp_programs"] {
        assert_eq!(report.of(check, Some(iface)).0, "ok", "{check}");
    }
    for check in ["xdp_features", "native"] {
        assert_eq!(report.of(check, Some(iface)).0 == "ok", XDP_FEATURES.is_met(), "{check}");
    }
}
