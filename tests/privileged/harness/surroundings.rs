//! The environment in which a daemon starts. Other programs replace the daemon here, because the options work
//! for any program.

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use d365_tests::{
    daemon::{Daemon, DaemonOptions, Exit},
    mount::{Mount, View},
    netns::Netns,
    require,
    temp::TempDir,
};

use crate::steps::shell_in;

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
fn the_end_of_a_daemon_is_reported() {
    require!(Root, Tool("ip"));
    let netns = Netns::new().unwrap();
    let error = Daemon::start(&netns, &shell("echo no such interface >&2; exit 3")).unwrap_err().to_string();
    assert!(error.contains("exit status: 3") && error.ends_with("no such interface\n"), "{error}");
    // A daemon that never gets ready is killed.
    let options = shell("echo pid $$ >&2; exec sleep 600").patience(Duration::from_millis(300));
    let error = Daemon::start(&netns, &options).unwrap_err().to_string();
    let pid = error.rsplit_once("pid ").unwrap().1.trim();
    assert!(!fs::exists(format!("/proc/{pid}")).unwrap());

    let script = "trap 'echo bye >&2; exit 7' TERM; echo ready >&2; while :; do sleep 0.01; done";
    let daemon = Daemon::spawn(&netns, &shell(script)).unwrap();
    daemon.wait_for_log("ready\n", Duration::from_secs(5)).unwrap();
    let exit = daemon.stop().unwrap();
    assert_eq!((exit.status.code(), exit.stderr.as_str()), (Some(7), "ready\nbye\n"));
    assert!(exit.took < Duration::from_secs(5));
}

#[test]
fn nobody_can_start_what_lies_in_a_directory_of_roots() {
    require!(Root, Tool("ip"));
    let directory = TempDir::new("private");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let echo = directory.file("echo");
    fs::copy("/bin/echo", &echo).unwrap();
    let exit = run(&Netns::new().unwrap(), &program(echo.to_str().unwrap(), &["here"]).nobody(&[]));
    assert_eq!(exit.stdout, "here\n");
}

#[test]
fn pins_are_seen_by_all_that_share_a_view_and_by_nobody_else() {
    require!(Root, Tool("ip"), Tool("bpftool"));
    let netns = Netns::new().unwrap();
    let view = View::new(&netns, &[Mount::Sysfs, Mount::Bpffs]).unwrap();
    let create = "bpftool map create /sys/fs/bpf/harness type array key 4 value 4 entries 1 name harness";
    let exit = run(&netns, &shell(&format!("{create} && ls -d /sys/class/net/*/")).view(&view));
    assert_eq!(
        (exit.status.code(), exit.stdout.as_str()),
        (Some(0), "/sys/class/net/lo/\n"),
        "{}",
        exit.stderr
    );
    assert!(view.run(|| fs::exists("/sys/fs/bpf/harness").unwrap()));
    assert!(!fs::exists("/sys/fs/bpf/harness").unwrap());
    let shown = shell_in(&view, &netns, "bpftool map show pinned /sys/fs/bpf/harness");
    assert!(shown.contains("array  name harness"), "{shown}");
}
