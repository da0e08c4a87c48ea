//! Injected faults: `bpf` calls fail by their number. `bpftool` and a shell replace the daemon here.

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    mount::{Mount, View},
    netns::Netns,
    require,
    seccomp::{Faults, command},
};
use nix::errno::Errno;

/// Creates and pins three maps. Each writes one line: the error, or `done`.
fn run(faults: &Faults) -> Vec<String> {
    let netns = Netns::new().unwrap();
    let create = "bpftool map create /sys/fs/bpf/m$i type array key 4 value 4 entries 1 name m$i";
    let script = format!("for i in 1 2 3; do {create} && echo done >&2; done");
    let options = DaemonOptions { binary: Some("/bin/sh".into()), state: None, ..DaemonOptions::on(&[]) };
    let view = View::new(&netns, &[Mount::Bpffs]).unwrap();
    let exit = Daemon::run(&netns, &options.args(["-c", &script]).view(&view).faults_by(faults)).unwrap();
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
