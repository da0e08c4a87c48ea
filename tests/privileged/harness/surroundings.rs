//! The environment in which a daemon starts. Other programs replace the daemon here, because the options work
//! for any program.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, process::Command, time::Duration};

use d365_tests::{
    credentials::capability,
    daemon::{Daemon, DaemonOptions, Exit},
    mount::{Mount, View},
    netns::Netns,
    require,
    require::on_path,
    seccomp::{BpfFault, command},
};
use nix::errno::Errno;

fn program(path: &str, arguments: &[&str]) -> DaemonOptions {
    let options = DaemonOptions { binary: Some(path.into()), state: None, ..DaemonOptions::on(&[]) };
    options.args(arguments.iter().copied())
}

fn shell(script: &str) -> DaemonOptions {
    program("/bin/sh", &["-c", script])
}

fn run(netns: &Netns, options: &DaemonOptions) -> Exit {
    Daemon::run(netns, options).unwrap()
}

#[test]
fn a_daemon_that_ends_too_early_is_quoted() {
    require!(Root, Tool("ip"));
    let netns = Netns::new().unwrap();
    let error = Daemon::start(&netns, &shell("echo no such interface >&2; exit 3")).unwrap_err().to_string();
    assert!(error.contains("exit status: 3") && error.ends_with("no such interface\n"), "{error}");
}

#[test]
fn a_daemon_that_never_gets_ready_is_quoted_and_killed() {
    require!(Root, Tool("ip"));
    let options = shell("echo pid $$ >&2; exec sleep 600").patience(Duration::from_millis(300));
    let error = Daemon::start(&Netns::new().unwrap(), &options).unwrap_err().to_string();
    let pid = error.rsplit_once("pid ").unwrap().1.trim();
    assert!(!fs::exists(format!("/proc/{pid}")).unwrap());
}

#[test]
fn a_stop_says_how_the_daemon_ended() {
    require!(Root, Tool("ip"));
    let script = "trap 'echo bye >&2; exit 7' TERM; echo ready >&2; while :; do sleep 0.01; done";
    let daemon = Daemon::spawn(&Netns::new().unwrap(), &shell(script)).unwrap();
    daemon.wait_for_log("ready\n", Duration::from_secs(5)).unwrap();
    let exit = daemon.stop().unwrap();
    assert_eq!((exit.status.code(), exit.stderr.as_str()), (Some(7), "ready\nbye\n"));
    assert!(exit.took < Duration::from_secs(5));
}

#[test]
fn the_environment_is_as_asked_for() {
    require!(Root, Tool("ip"));
    let exit = run(&Netns::new().unwrap(), &shell("env | grep ^D365_").env("D365_IFACE", "mx0"));
    assert_eq!(exit.stdout, "D365_IFACE=mx0\n");
}

#[test]
fn nobody_has_the_capabilities_given_and_no_other() {
    require!(Root, Tool("ip"));
    let netns = Netns::new().unwrap();
    let status = |capabilities: &[u32]| {
        let look = "grep -E '^(Uid|Gid|Groups|CapPrm|CapEff):' /proc/self/status";
        let exit = run(&netns, &shell(look).nobody(capabilities));
        exit.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let ids = "Uid: 65534 65534 65534 65534 Gid: 65534 65534 65534 65534 Groups:";
    assert_eq!(status(&[]), format!("{ids} CapPrm: 0000000000000000 CapEff: 0000000000000000"));
    let set = "0000008000001000";
    let some = [capability::NET_ADMIN, capability::BPF];
    assert_eq!(status(&some), format!("{ids} CapPrm: {set} CapEff: {set}"));
}

#[test]
fn nobody_can_start_what_lies_in_a_directory_of_roots() {
    require!(Root, Tool("ip"));
    let directory = PathBuf::from(format!("/tmp/d365-harness-{}", std::process::id()));
    fs::create_dir(&directory).unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).unwrap();
    fs::copy("/bin/echo", directory.join("echo")).unwrap();
    let path = directory.join("echo").to_str().unwrap().to_owned();
    let exit = Daemon::run(&Netns::new().unwrap(), &program(&path, &["here"]).nobody(&[]));
    fs::remove_dir_all(&directory).unwrap();
    assert_eq!(exit.unwrap().stdout, "here\n");
}

#[test]
fn a_view_shows_and_hides() {
    require!(Root, Tool("ip"), KernelBtf);
    let netns = Netns::new().unwrap();
    let script =
        "stat -f -c %T /sys/fs/bpf; ls /sys/fs/bpf /sys/kernel/btf | grep vmlinux; ls /sys/class/net";
    let seen = |mounts: &[Mount]| {
        let view = View::new(&netns, mounts).unwrap();
        run(&netns, &shell(script).view(&view)).stdout
    };
    assert_eq!(seen(&[Mount::Sysfs, Mount::Bpffs]), "bpf_fs\nvmlinux\nlo\n");
    assert!(seen(&[Mount::HideBpffs]).starts_with("tmpfs\nvmlinux\n"));
    assert!(!seen(&[Mount::HideBtf]).contains("vmlinux"));
}

#[test]
fn pins_are_seen_by_all_that_share_a_view_and_by_nobody_else() {
    require!(Root, Tool("ip"), Tool("bpftool"));
    let netns = Netns::new().unwrap();
    let view = View::new(&netns, &[Mount::Bpffs]).unwrap();
    let exit = run(&netns, &map_create().view(&view));
    assert_eq!(exit.status.code(), Some(0), "{}", exit.stderr);
    assert!(view.run(|| fs::exists("/sys/fs/bpf/harness").unwrap()));
    assert!(!fs::exists("/sys/fs/bpf/harness").unwrap());
    let mut show = Command::new("bpftool");
    show.args(["map", "show", "pinned", "/sys/fs/bpf/harness"]);
    view.give_to(&mut show);
    assert!(netns.output(&mut show).unwrap().contains("array  name harness"));
}

/// Creates a map and pins it.
fn map_create() -> DaemonOptions {
    let bpftool = on_path("bpftool", &std::env::var_os("PATH").unwrap());
    let words = "map create /sys/fs/bpf/harness type array key 4 value 4 entries 1 name harness";
    program(bpftool.unwrap().to_str().unwrap(), &words.split(' ').collect::<Vec<_>>())
}

#[test]
fn a_fault_hits_its_command_and_no_other() {
    require!(Root, Tool("ip"), Tool("bpftool"));
    let netns = Netns::new().unwrap();
    let create = |faults: &[BpfFault]| {
        let view = View::new(&netns, &[Mount::Bpffs]).unwrap();
        let options = faults.iter().fold(map_create().view(&view), |options, fault| options.fault(*fault));
        let exit = run(&netns, &options);
        (exit.status.success(), exit.stderr)
    };
    let others = [command::LINK_CREATE, command::PROG_TEST_RUN, command::BTF_LOAD];
    let others = others.map(|command| BpfFault::of(command, Errno::EPERM));
    assert_eq!(create(&others), (true, String::new()));
    let (passed, stderr) = create(&[others[0], BpfFault::of(command::MAP_CREATE, Errno::E2BIG)]);
    assert!(!passed && stderr.contains("Argument list too long"), "{stderr}");
    let (passed, stderr) = create(&[BpfFault::no_bpf()]);
    assert!(!passed && stderr.contains("Function not implemented"), "{stderr}");
}
