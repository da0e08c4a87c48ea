//! Programs that are already on an interface: doctor names their owner and the process that holds them.

use aya::programs::{TcAttachType, xdp::XdpMode};

use super::*;
use crate::bpf::{self, TC_NEXT, XDP_PASS};

/// The part of a line that names this process as the holder of a program.
fn by_us() -> String {
    let command = fs::read_to_string("/proc/self/comm").unwrap();
    format!("held by {} {}", command.trim_end(), std::process::id())
}

#[test]
fn somebody_elses_xdp_program_is_an_error() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let mut program = bpf::xdp("somebodys", &bpf::result(XDP_PASS), false).unwrap();
    lab.host.run(|| program.attach(lab.iface(), XdpMode::Default)).unwrap();
    let report = doctor(&lab.host, lab.iface());
    let (level, said) = report.of("xdp_programs", Some(lab.iface()));
    assert_eq!((level, report.code), ("error", Some(2)));
    assert!(said.starts_with("another program is here: somebodys (id ") && said.contains(&by_us()), "{said}");
    // Doctor left the program attached, and the daemon refuses to start, as doctor predicted.
    let daemon = Daemon::run(&lab.host, &DaemonOptions::on(&[lab.iface()])).unwrap();
    assert_eq!(daemon.status.code(), Some(6));
    drop(program);
    assert_eq!(doctor(&lab.host, lab.iface()).of("xdp_programs", Some(lab.iface())), ("ok", "none"));
}

#[test]
fn somebody_elses_tcx_program_is_a_warning() {
    require!(Root, Tool("ip"), Kernel(6, 6, "tcx"), Daemon);
    let lab = Lab::new().unwrap();
    let mut program = bpf::classifier("somebodys", &bpf::result(TC_NEXT)).unwrap();
    lab.host.run(|| program.attach(lab.iface(), TcAttachType::Ingress)).unwrap();
    let report = doctor(&lab.host, lab.iface());
    assert_eq!(report.of("tc", Some(lab.iface())), ("ok", "tcx"));
    let (level, said) = report.of("tc_programs", Some(lab.iface()));
    assert!(level == "warning" && said.starts_with("others are here: tcx somebodys (id "), "{said}");
    assert!(said.contains(&by_us()), "{said}");
}

/// A tc filter holds its program by itself. A classic filter has no program.
#[test]
fn somebody_elses_filters_are_a_warning() {
    require!(Root, Tool("ip"), Tool("tc"), Daemon);
    let lab = Lab::new().unwrap();
    let view = View::new(&lab.host, &[Mount::Bpffs]).unwrap();
    let tc = |words: &str, last: &str| {
        let mut command = Command::new("tc");
        command.args(words.replace("DEV", lab.iface()).split(' ')).arg(last);
        view.give_to(&mut command);
        lab.host.output(&mut command).unwrap();
    };
    let none = doctor(&lab.host, lab.iface());
    assert_eq!(none.of("tc_programs", Some(lab.iface())), ("ok", "none"));
    tc("qdisc add dev DEV", "clsact");
    let mut program = bpf::classifier("somebodys", &bpf::result(TC_NEXT)).unwrap();
    view.run(|| program.pin(Path::new("/sys/fs/bpf/somebodys"))).unwrap();
    tc("filter add dev DEV ingress pref 10 bpf da pinned", "/sys/fs/bpf/somebodys");
    drop(program);
    tc("filter add dev DEV ingress pref 20 bpf da bytecode", "1,6 0 0 4294967295");
    tc("filter add dev DEV ingress pref 30 protocol ip u32 match ip src 192.0.2.0/24 flowid", "1:1");
    let report = doctor(&lab.host, lab.iface());
    let (level, said) = report.of("tc_programs", Some(lab.iface()));
    assert_eq!(level, "warning");
    let programs: Vec<_> = said.strip_prefix("others are here: ").unwrap().split("; ").collect();
    let [ebpf, classic, u32] = &programs[..] else { panic!("{said}") };
    assert!(ebpf.starts_with("clsact somebodys (id ") && ebpf.contains("held by no process"), "{ebpf}");
    assert!(classic.starts_with("clsact ") && classic.ends_with(" (classic BPF)"), "{classic}");
    assert_eq!(*u32, "clsact u32 filter with priority 30");
}

/// Doctor predicts the daemon's behaviour in generic mode. `auto` refuses generic mode on `lo`, which has no
/// native mode, and takes native mode on the other interface.
#[test]
fn what_generic_mode_does_to_filters_is_foretold() {
    require!(Root, Tool("ip"), Tool("tc"), Kernel(6, 9, "generic XDP hides the Ethernet header"), Daemon);
    let lab = Lab::new().unwrap();
    for iface in ["lo", lab.iface()] {
        assert_eq!(
            doctor(&lab.host, iface).of("generic", Some(iface)),
            ("ok", "possible together with what is here")
        );
        for words in ["qdisc add dev DEV clsact", "filter add dev DEV ingress pref 30 bpf da bytecode"] {
            let mut command = Command::new("tc");
            command.args(words.replace("DEV", iface).split(' '));
            let bytecode = words.ends_with("bytecode").then_some("1,6 0 0 4294967295");
            lab.host.output(command.args(bytecode)).unwrap();
        }
    }
    let lo = doctor(&lab.host, "lo");
    let (level, said) = lo.of("generic", Some("lo"));
    assert!(level == "error" && said.contains("filter") && said.contains("priority 30"), "{said}");
    let daemon = Daemon::run(&lab.host, &DaemonOptions::on(&["lo"])).unwrap();
    assert_eq!(daemon.status.code(), Some(10), "{}", daemon.stderr);
    let insisted = DaemonOptions::on(&["lo"]).args(["--mode", "generic"]);
    let daemon = Daemon::start(&lab.host, &insisted).unwrap();
    let lo = doctor(&lab.host, "lo");
    let (level, said) = lo.of("generic", Some("lo"));
    assert!(level == "warning" && said.starts_with("a d365-user runs in generic mode"), "{said}");
    assert_eq!(daemon.stop().unwrap().status.code(), Some(0));
    assert_eq!(doctor(&lab.host, lab.iface()).of("generic", Some(lab.iface())).0, "ok");
    let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&[lab.iface()])).unwrap();
    assert_eq!(mode(&daemon, lab.iface()), "native");
}

#[test]
fn a_daemon_that_marks_is_recognised_by_both_programs() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let options = DaemonOptions::on(&[lab.iface()]).args(["--tag", "mark"]);
    let _daemon = Daemon::start(&lab.host, &options).unwrap();
    let report = doctor(&lab.host, lab.iface());
    for check in ["xdp_programs", "tc_programs"] {
        let (level, said) = report.of(check, Some(lab.iface()));
        assert!(level == "ok" && said.starts_with("d365-user's own: "), "{said}");
    }
}
