//! Namespaces, private roots, and the programs in them.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::process::ExitStatusExt as _,
    process::{Command, Stdio},
};

use d365_tests::{mail::Root, netns::Netns, require};

use crate::steps::until;

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
    let error = netns.ip(&["link", "show", "nowhere0"]).unwrap_err().to_string();
    assert!(error.starts_with("`ip link show nowhere0`: exit status: 1: "), "{error}");
    assert!(error.contains("does not exist"), "{error}");
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
    until(5, runs, || "the program does not run".to_owned());
    victim.kill().unwrap();
    assert_eq!(victim.wait().unwrap().signal(), Some(9));
    until(5, || !runs(), || "the program still runs".to_owned());
}

#[test]
fn what_is_written_in_a_private_root_stays_there() {
    require!(Root, Tool("ip"), MailPrograms, Overlay);
    let netns = Netns::new().unwrap();
    let (one, other) = (Root::new(&netns).unwrap(), Root::new(&netns).unwrap());
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    one.add_user("d365-somebody", 52_199).unwrap();
    one.write("/etc/d365-file", "text").unwrap();
    assert_eq!(one.run("id", &["-u", "d365-somebody"]).unwrap(), "52199\n");
    assert_eq!(one.run("cat", &["/etc/d365-file"]).unwrap(), "text");
    assert!(other.read("/etc/d365-file").is_err());
    assert!(!fs::exists("/etc/d365-file").unwrap());
    assert_eq!(fs::read_to_string("/etc/passwd").unwrap(), passwd);
}

/// The kernel clears a process's parent-death signal when the process changes its user.
#[test]
fn a_daemon_that_changes_its_user_ends_with_its_value() {
    require!(Root, Tool("ip"), MailPrograms, Overlay);
    let netns = Netns::new().unwrap();
    let root = Root::new(&netns).unwrap();
    let duration = format!("86000.{}", std::process::id());
    let sleep = ["setpriv", "--reuid", "52199", "--clear-groups", "sleep", &duration];
    let daemon = root.spawn(&sleep).unwrap();
    until(10, || runs(&duration), || "it does not run".to_owned());
    drop(daemon);
    until(10, || !runs(&duration), || "it still runs".to_owned());
}

/// Returns true if a `sleep` of this duration runs.
fn runs(duration: &str) -> bool {
    let wanted = format!("sleep\0{duration}\0");
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes
        .map(|entry| entry.path().join("cmdline"))
        .any(|path| fs::read_to_string(path).is_ok_and(|it| it == wanted))
}
