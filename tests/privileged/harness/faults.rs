//! Injected faults: `bpf` calls fail by their number, also while a program runs. `bpftool` and a shell
//! replace the daemon here.

use std::time::{Duration, Instant};

use d365_tests::{
    credentials::capability,
    daemon::{Daemon, DaemonOptions},
    lab::Lab,
    mount::{Mount, View},
    netns::Netns,
    require,
    seccomp::{Faults, command},
};
use nix::errno::Errno;

const PATIENCE: Duration = Duration::from_secs(20);

/// Creates a map and pins it, as often as `loop_of` says. Each round writes one line to standard error: the
/// error, or `done`.
fn maps(netns: &Netns, loop_of: &str, faults: &Faults) -> DaemonOptions {
    let create = "bpftool map create /sys/fs/bpf/m$i type array key 4 value 4 entries 1 name m$i";
    let script = format!("i=0; {loop_of} i=$((i+1)); {create} && echo done >&2; done");
    let options = DaemonOptions { binary: Some("/bin/sh".into()), state: None, ..DaemonOptions::on(&[]) };
    options.args(["-c", &script]).view(&View::new(netns, &[Mount::Bpffs]).unwrap()).faults_by(faults)
}

const THRICE: &str = "while [ $i -lt 3 ]; do";
const ON_AND_ON: &str = "while :; do";

fn run(faults: &Faults) -> Vec<String> {
    let netns = Netns::new().unwrap();
    let exit = Daemon::run(&netns, &maps(&netns, THRICE, faults)).unwrap();
    exit.stderr.lines().map(str::to_owned).collect()
}

#[test]
fn without_a_fault_calls_are_counted_and_pass() {
    require!(Root, Tool("ip"), Tool("bpftool"));
    let faults = Faults::new();
    assert_eq!(run(&faults), ["done", "done", "done"]);
    assert_eq!((faults.calls(command::MAP_CREATE), faults.calls(command::OBJ_PIN)), (3, 3));
    assert_eq!(faults.calls(command::LINK_CREATE), 0);
}

#[test]
fn the_second_call_fails_and_no_other() {
    require!(Root, Tool("ip"), Tool("bpftool"));
    let faults = Faults::new();
    faults.fail(command::MAP_CREATE, 2, Errno::ENOMEM);
    let lines = run(&faults);
    let [first, second, third] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!((first.as_str(), third.as_str()), ("done", "done"));
    assert!(second.contains("Cannot allocate memory"), "{second}");
    // `bpftool` pins no map that it could not create.
    assert_eq!((faults.calls(command::MAP_CREATE), faults.calls(command::OBJ_PIN)), (3, 2));
}

#[test]
fn any_call_fails_by_its_number_among_all() {
    require!(Root, Tool("ip"), Tool("bpftool"));
    let faults = Faults::new();
    run(&faults);
    let once = faults.history();
    let position = once.iter().position(|command| *command == command::OBJ_PIN).unwrap();
    faults.fail_any(position + 1, Errno::EDQUOT);
    let lines = run(&faults);
    assert!(lines[0].contains("quota exceeded") && lines[1..] == ["done", "done"], "{lines:?}");
    assert_eq!(faults.history()[..once.len() + position + 1], [&once[..], &once[..=position]].concat());
}

#[test]
fn a_fault_comes_and_goes_while_the_program_runs() {
    require!(Root, Tool("ip"), Tool("bpftool"));
    let netns = Netns::new().unwrap();
    let faults = Faults::new();
    let daemon = Daemon::spawn(&netns, &maps(&netns, ON_AND_ON, &faults)).unwrap();
    daemon.wait_for_log("done\n", PATIENCE).unwrap();
    assert_eq!(daemon.log().replace("done\n", ""), "");

    faults.fail_all(command::MAP_CREATE, Errno::E2BIG);
    daemon.wait_for_log("Argument list too long", PATIENCE).unwrap();
    faults.heal();
    let failed = daemon.log().matches("too long").count();
    let done = || daemon.log().matches("done\n").count();
    let (before, deadline) = (done(), d365_tests::patience::deadline(PATIENCE));
    while done() < before + 3 {
        assert!(Instant::now() < deadline, "{}", daemon.log());
        std::thread::sleep(Duration::from_millis(5));
    }
    // One more call may already have been in progress.
    assert!(daemon.log().matches("too long").count() <= failed + 1, "{}", daemon.log());

    // The number counts from now on, not from the start.
    faults.fail(command::OBJ_PIN, 1, Errno::EDQUOT);
    daemon.wait_for_log("quota exceeded", PATIENCE).unwrap();
}

/// Fault injection does not disturb the daemon, which has many threads and runs as `nobody`.
#[test]
fn the_daemon_is_none_the_wiser() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let faults = Faults::new();
    let capabilities = [capability::BPF, capability::PERFMON, capability::NET_ADMIN];
    let options = DaemonOptions::on(&[lab.iface()]).nobody(&capabilities).faults_by(&faults);
    let daemon = Daemon::start(&lab.host, &options).unwrap();
    let created = faults.calls(command::MAP_CREATE);
    assert!(created > 0 && faults.calls(command::PROG_LOAD) > 0);
    daemon.scrape().unwrap();
    assert_eq!(daemon.stop().unwrap().status.code(), Some(0));

    // The fault hits the last map of the daemon's start, by the count of the first run.
    faults.fail(command::MAP_CREATE, created, Errno::ENOMEM);
    let exit = Daemon::run(&lab.host, &options).unwrap();
    assert_eq!(exit.status.code(), Some(12), "{}", exit.stderr);
    assert!(exit.stderr.contains("Cannot allocate memory"), "{}", exit.stderr);
    assert_eq!(faults.calls(command::MAP_CREATE), 2 * created);
}
