//! Private roots: their changes are not visible outside.

use std::{
    fs,
    time::{Duration, Instant},
};

use d365_tests::{mail::Root, netns::Netns, require};

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
    wait_until("it runs", || runs(&duration));
    drop(daemon);
    wait_until("it is gone", || !runs(&duration));
}

/// Returns true if a `sleep` of this duration runs.
fn runs(duration: &str) -> bool {
    let wanted = format!("sleep\0{duration}\0");
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes
        .map(|entry| entry.path().join("cmdline"))
        .any(|path| fs::read_to_string(path).is_ok_and(|it| it == wanted))
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(Instant::now() < deadline, "{what}: not within 10 s");
        std::thread::sleep(Duration::from_millis(10));
    }
}
