//! Programs that are already on an interface: doctor names their owner and the process that holds them.

use aya::programs::{TcAttachType, xdp::XdpMode};

use super::*;
use crate::{
    bpf::{self, TC_NEXT, XDP_PASS},
    steps::shell_in,
};

const TCX: Requirement = Requirement::Kernel(6, 6, "tcx");

/// The part of a line that names this process as the holder of a program.
fn by_us() -> String {
    let command = fs::read_to_string("/proc/self/comm").unwrap();
    format!("held by {} {}", command.trim_end(), std::process::id())
}

/// A program of somebody else's is a warning.
#[test]
fn somebody_elses_programs_are_named() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let mut program = bpf::xdp("somebodys", &bpf::result(XDP_PASS), false).unwrap();
    lab.host.run(|| program.attach(lab.iface(), XdpMode::Default)).unwrap();
    let report = doctor(&lab.host, lab.iface());
    let begin = "another program is here: somebodys (id ";
    let text = report.begins("xdp_programs", Some(lab.iface()), "warning", begin);
    assert!(text.contains(&by_us()), "{text}");
    // Doctor left the program attached, and the daemon does as doctor predicted.
    let daemon = Daemon::run(&lab.host, &on(&lab, &["--mode", "native"])).unwrap();
    assert_eq!(daemon.status.code(), Some(6));
    let daemon = start(&lab, &[]);
    assert_eq!(mode(&daemon, lab.iface()), "tc");
    stop(daemon);
    drop(program);
    assert_eq!(doctor(&lab.host, lab.iface()).of("xdp_programs", Some(lab.iface())), ("ok", "none"));
    if TCX.is_met() {
        let mut program = bpf::classifier("somebodys", &bpf::result(TC_NEXT)).unwrap();
        lab.host.run(|| program.attach(lab.iface(), TcAttachType::Ingress)).unwrap();
        let report = doctor(&lab.host, lab.iface());
        assert_eq!(report.of("tc", Some(lab.iface())), ("ok", "tcx"));
        let begin = "others are here: tcx somebodys (id ";
        let text = report.begins("tc_programs", Some(lab.iface()), "warning", begin);
        assert!(text.contains(&by_us()), "{text}");
    }
}

/// A tc filter holds its program by itself. A classic filter has no program.
#[test]
fn somebody_elses_filters_are_a_warning() {
    require!(Root, Tool("ip"), Tool("tc"), Daemon);
    let lab = Lab::new().unwrap();
    let view = View::new(&lab.host, &[Mount::Bpffs]).unwrap();
    let tc = |words: &str| {
        shell_in(&view, &lab.host, &format!("tc {}", words.replace("DEV", lab.iface())));
    };
    let none = doctor(&lab.host, lab.iface());
    assert_eq!(none.of("tc_programs", Some(lab.iface())), ("ok", "none"));
    tc("qdisc add dev DEV clsact");
    let mut program = bpf::classifier("somebodys", &bpf::result(TC_NEXT)).unwrap();
    view.run(|| program.pin(Path::new("/sys/fs/bpf/somebodys"))).unwrap();
    tc("filter add dev DEV ingress pref 10 bpf da pinned /sys/fs/bpf/somebodys");
    drop(program);
    tc("filter add dev DEV ingress pref 20 bpf da bytecode '1,6 0 0 4294967295'");
    tc("filter add dev DEV ingress pref 30 protocol ip u32 match ip src 192.0.2.0/24 flowid 1:1");
    let report = doctor(&lab.host, lab.iface());
    let text = report.begins("tc_programs", Some(lab.iface()), "warning", "others are here: ");
    let programs: Vec<_> = text.strip_prefix("others are here: ").unwrap().split("; ").collect();
    let [ebpf, classic, u32] = &programs[..] else { panic!("{text}") };
    assert!(ebpf.starts_with("clsact somebodys (id ") && ebpf.contains("held by no process"), "{ebpf}");
    assert!(classic.starts_with("clsact ") && classic.ends_with(" (classic BPF)"), "{classic}");
    assert_eq!(*u32, "clsact u32 filter with priority 30");
}

/// Doctor predicts the effect of generic mode. `auto` takes tc on `lo`, which has no native mode, and native
/// mode on the other interface.
#[test]
fn what_generic_mode_does_to_filters_is_foretold() {
    require!(Root, Tool("ip"), Tool("tc"), Kernel(6, 9, "generic XDP hides the Ethernet header"), Daemon);
    let lab = Lab::new().unwrap();
    for iface in ["lo", lab.iface()] {
        let before = doctor(&lab.host, iface);
        assert_eq!(before.of("generic", Some(iface)), ("ok", "possible together with what is here"));
        shell(&lab.host, &format!("tc qdisc add dev {iface} clsact"));
        let filter = "pref 30 bpf da bytecode '1,6 0 0 4294967295'";
        shell(&lab.host, &format!("tc filter add dev {iface} ingress {filter}"));
    }
    let lo = doctor(&lab.host, "lo");
    let (level, text) = lo.of("generic", Some("lo"));
    assert!(level == "ok" && text.contains("--mode generic warns") && text.contains("priority 30"), "{text}");
    let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&["lo"])).unwrap();
    assert_eq!(mode(&daemon, "lo"), "tc");
    stop(daemon);
    let insisted = DaemonOptions::on(&["lo"]).args(["--mode", "generic"]);
    let daemon = Daemon::start(&lab.host, &insisted).unwrap();
    let begin = "a d365-user runs in generic mode";
    doctor(&lab.host, "lo").begins("generic", Some("lo"), "warning", begin);
    stop(daemon);
    assert_eq!(doctor(&lab.host, lab.iface()).of("generic", Some(lab.iface())).0, "ok");
    assert_eq!(mode(&start(&lab, &[]), lab.iface()), "native");
}

#[test]
fn a_daemon_that_marks_is_recognised_by_both_programs() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let _daemon = start(&lab, &["--tag", "mark"]);
    let report = doctor(&lab.host, lab.iface());
    for check in ["xdp_programs", "tc_programs"] {
        report.begins(check, Some(lab.iface()), "ok", "d365-user's own: ");
    }
}
