//! Injected faults: `bpf` calls fail by their number, also while a program runs. `bpftool` and a shell
//! replace the daemon here.

use std::time::Duration;

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    mount::{Mount, View},
    netns::Netns,
    require,
    seccomp::{Faults, command},
};
use nix::errno::Errno;

use crate::steps::until;

const PATIENCE: Duration = Duration::from_secs(20);

/// Creates and pins a map in each round of a loop that sets `i`. Each round writes one line: the error, or
/// `done`.
fn maps(netns: &Netns, rounds: &str, faults: &Faults) -> DaemonOptions {
    let create = "bpftool map create /sys/fs/bpf/m$i type array key 4 value 4 entries 1 name m$i";
    let script = format!("{rounds} {create} && echo done >&2; done");
    let options = DaemonOptions { binary: Some("/bin/sh".into()), state: None, ..DaemonOptions::on(&[]) };
    options.args(["-c", &script]).view(&View::new(netns, &[Mount::Bpffs]).unwrap()).faults_by(faults)
}

fn run(faults: &Faults) -> Vec<String> {
    let netns = Netns::new().unwrap();
    let exit = Daemon::run(&netns, &maps(&netns, "for i in 1 2 3; do", faults)).unwrap();
    exit.stderr.lines().map(str::to_owned).collect()
}

/// A call fails by its number among all calls, or among those of one command.
#[test]
fn any_call_fails_by_its_number() {
    require!(Root, Tool("ip"), Tool("bpftool"));
    let faults = Faults::new();
    assert_eq!(run(&faults), ["done", "done", "done"]);
    assert_eq!((faults.calls(command::MAP_CREATE), faults.calls(command::OBJ_PIN)), (3, 3));
    assert_eq!(faults.calls(command::LINK_CREATE), 0);
    let once = faults.history();
    let position = once.iter().position(|command| *command == command::OBJ_PIN).unwrap();
    faults.fail_any(position + 1, Errno::EDQUOT);
    let lines = run(&faults);
    assert!(lines[0].contains("quota exceeded") && lines[1..] == ["done", "done"], "{lines:?}");
    assert_eq!(faults.history()[..once.len() + position + 1], [&once[..], &once[..=position]].concat());

    let faults = Faults::new();
    faults.fail(command::MAP_CREATE, 2, Errno::ENOMEM);
    let lines = run(&faults);
    let [first, second, third] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!((first.as_str(), third.as_str()), ("done", "done"));
    assert!(second.contains("Cannot allocate memory"), "{second}");
    // `bpftool` pins no map that it could not create.
    assert_eq!((faults.calls(command::MAP_CREATE), faults.calls(command::OBJ_PIN)), (3, 2));
}

/// The number of a call counts from the moment at which the fault comes, not from the start.
#[test]
fn a_fault_comes_and_goes_while_the_program_runs() {
    require!(Root, Tool("ip"), Tool("bpftool"));
    let (netns, faults) = (Netns::new().unwrap(), Faults::new());
    let script = "i=0; while :; do i=$((i+1));";
    let daemon = Daemon::spawn(&netns, &maps(&netns, script, &faults)).unwrap();
    daemon.wait_for_log("done\n", PATIENCE).unwrap();
    assert_eq!(daemon.log().replace("done\n", ""), "");

    faults.fail_all(command::MAP_CREATE, Errno::E2BIG);
    daemon.wait_for_log("Argument list too long", PATIENCE).unwrap();
    faults.heal();
    let count = |text| daemon.log().matches(text).count();
    let (failed, before) = (count("too long"), count("done\n"));
    until(PATIENCE.as_secs(), || count("done\n") >= before + 3, || daemon.log());
    // One more call may already have been in progress.
    assert!(count("too long") <= failed + 1, "{}", daemon.log());

    faults.fail(command::OBJ_PIN, 1, Errno::EDQUOT);
    daemon.wait_for_log("quota exceeded", PATIENCE).unwrap();
}
