//! Namespaces and the programs in them.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::process::ExitStatusExt as _,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use d365_tests::{netns::Netns, require};

#[test]
fn a_namespace_is_apart_and_has_no_name() {
    require!(Root, Tool("ip"));
    let names = || Command::new("ip").args(["netns", "list"]).output().unwrap().stdout;
    let before = names();
    let netns = Netns::new().unwrap();
    let inside = netns.run(|| fs::read_link("/proc/thread-self/ns/net").unwrap());
    assert_ne!(inside, fs::read_link("/proc/thread-self/ns/net").unwrap());
    assert_eq!(netns.ip(&["-o", "link"]).unwrap().lines().count(), 1, "loopback only");
    assert_eq!(names(), before);
}

#[test]
fn a_failing_program_says_what_and_why() {
    require!(Root, Tool("ip"));
    let error = Netns::new().unwrap().ip(&["link", "show", "nowhere0"]).unwrap_err().to_string();
    assert!(error.starts_with("`ip link show nowhere0`: exit status: 1: "), "{error}");
    assert!(error.contains("does not exist"), "{error}");
}

#[test]
fn a_child_runs_inside_and_ends_with_its_value() {
    require!(Root, Tool("ip"));
    let netns = Netns::new().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "readlink /proc/self/ns/net; exec sleep 600"]).stdout(Stdio::piped());
    let mut child = netns.spawn(command).unwrap();
    let mut line = [0; 64];
    let length = child.take_stdout().unwrap().read(&mut line).unwrap();
    let inside = netns.run(|| fs::read_link("/proc/thread-self/ns/net").unwrap());
    assert_eq!(std::str::from_utf8(&line[..length]).unwrap().trim(), inside.to_str().unwrap());
    let entry = format!("/proc/{}", child.pid());
    drop(netns);
    assert!(fs::exists(&entry).unwrap(), "a child keeps its namespace");
    drop(child);
    assert!(!fs::exists(&entry).unwrap());
}

/// The test sets this variable for its own child, which it then kills.
const VICTIM: &str = "D365_HARNESS_VICTIM";

#[test]
fn a_killed_test_leaves_no_program_behind() {
    require!(Root, Tool("ip"));
    if std::env::var_os(VICTIM).is_some() {
        let netns = Netns::new().unwrap();
        let mut sleep = Command::new("sleep");
        sleep.arg("600");
        let child = netns.spawn(sleep).unwrap();
        println!("child {}", child.pid());
        loop {
            std::thread::park();
        }
    }
    let mut victim = Command::new(std::env::current_exe().unwrap());
    victim.args(["--exact", "--nocapture", std::thread::current().name().unwrap()]).env(VICTIM, "1");
    let mut victim = victim.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines().map(Result::unwrap);
    let child = lines.find_map(|line| Some(line.split_once("child ")?.1.to_owned())).unwrap();
    let runs =
        || fs::read_to_string(format!("/proc/{child}/cmdline")).is_ok_and(|it| it.starts_with("sleep"));
    wait_until("the program runs", runs);
    victim.kill().unwrap();
    assert_eq!(victim.wait().unwrap().signal(), Some(9));
    wait_until("the program is gone", || !runs());
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = d365_tests::patience::deadline(Duration::from_secs(5));
    while !is_so() {
        assert!(Instant::now() < deadline, "not within 5 s: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
