//! The daemon's reports to its service manager: readiness, status, reloads and the watchdog.

use std::{fs, thread, time::Duration};

use d365_tests::{
    daemon::Daemon, lab::Lab, patience, require, service_manager::ServiceManager, temp::TempFile,
};
use nix::{
    sys::{
        ptrace,
        signal::Signal,
        stat::Mode,
        wait::{WaitPidFlag, waitpid},
    },
    unistd::{Pid, mkfifo},
};

use crate::steps::{on, stop, until};

/// Waits until the daemon has sent these reports since `from`, in this order.
fn wait_for(manager: &ServiceManager, from: usize, expected: &[&str]) -> usize {
    let find = || {
        let reports = manager.reports();
        expected.iter().try_fold(from, |at, expected| {
            let found = reports[at..].iter().position(|report| report.starts_with(expected))?;
            Some(at + found + 1)
        })
    };
    until(10, || find().is_some(), || format!("no {expected:?} after {from} in {:?}", manager.reports()));
    find().unwrap()
}

#[test]
fn the_service_manager_sees_readiness_and_reloads_and_the_stop() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let manager = ServiceManager::start().unwrap();
    let list = TempFile::new("list", "203.0.113.0/24,EUR\n");
    let file = format!("file:{}", list.path().display());
    let options = on(&lab, &["--ranges", &file, "--allow-special"]).managed(&manager);
    let daemon = Daemon::start(&lab.host, &options).unwrap();
    let mut seen = wait_for(&manager, 0, &["READY=1", "STATUS=Recognising 1 range in generation 1"]);
    for _ in 0..2 {
        daemon.signal(Signal::SIGHUP).unwrap();
        seen = wait_for(&manager, seen, &["RELOADING=1", "MONOTONIC_USEC=", "READY=1"]);
    }
    lab.host.ip(&["link", "del", lab.iface()]).unwrap();
    let seen = wait_for(&manager, seen, &["STATUS=Not ready: not attached: "]);
    stop(daemon);
    wait_for(&manager, seen, &["STOPPING=1"]);
}

/// A pipe without a writer never answers.
#[test]
fn a_reload_waits_for_its_sources_and_not_for_the_reload_before() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let manager = ServiceManager::start().unwrap();
    let list = TempFile::new("list", "203.0.113.0/24,EUR\n");
    let pipe = TempFile::reserve("pipe");
    let files = [list.path(), pipe.path()].map(|path| format!("file:{}", path.display()));
    let flags = ["--ranges", &files[0], "--ranges", &files[1], "--allow-special"];
    let daemon = Daemon::start(&lab.host, &on(&lab, &flags).managed(&manager)).unwrap();
    let mut seen = wait_for(&manager, 0, &["READY=1"]);
    mkfifo(pipe.path(), Mode::S_IRWXU).unwrap();
    for _ in 0..3 {
        daemon.signal(Signal::SIGHUP).unwrap();
        seen = wait_for(&manager, seen, &["RELOADING=1"]);
    }
    assert!(!manager.reports()[seen..].contains(&"READY=1".to_owned()), "{:?}", manager.reports());
    fs::write(pipe.path(), "198.51.100.0/24,EUR\n").unwrap();
    wait_for(&manager, seen, &["READY=1"]);
    stop(daemon);
}

/// Holds a thread as a debugger does, until it is detached or this thread ends.
pub(crate) fn hold(thread: Pid) {
    ptrace::seize(thread, ptrace::Options::empty()).unwrap();
    ptrace::interrupt(thread).unwrap();
    waitpid(thread, Some(WaitPidFlag::__WALL)).unwrap();
}

/// The threads of a daemon with this name.
pub(crate) fn threads(daemon: u32, name: &str) -> Vec<Pid> {
    let all = fs::read_dir(format!("/proc/{daemon}/task")).unwrap();
    let all = all.map(|entry| entry.unwrap().path());
    let named = all.filter(|path| fs::read_to_string(path.join("comm")).unwrap().trim_end() == name);
    named.map(|path| Pid::from_raw(path.file_name().unwrap().to_str().unwrap().parse().unwrap())).collect()
}

#[test]
fn the_watchdog_is_fed_only_while_both_threads_work() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let manager = ServiceManager::start().unwrap().with_watchdog(Duration::from_millis(600));
    let daemon = Daemon::start(&lab.host, &on(&lab, &[]).managed(&manager)).unwrap();
    let fed = |from| wait_for(&manager, from, &["WATCHDOG=1", "WATCHDOG=1"]);
    let mut seen = fed(0);
    let main = Pid::from_raw(i32::try_from(daemon.pid()).unwrap());
    for thread in [main, threads(daemon.pid(), "updates")[0]] {
        hold(thread);
        // The harness reads what was sent before.
        thread::sleep(patience::stretched(Duration::from_millis(500)));
        let before = manager.reports().len();
        thread::sleep(Duration::from_secs(2));
        assert_eq!(manager.reports()[before..], [""; 0], "thread {thread}");
        ptrace::detach(thread, None).unwrap();
        seen = fed(seen);
    }
    stop(daemon);
}
