//! systemd replaces a daemon that hangs or was killed for its memory. No packet passes uncounted or without a
//! program meanwhile.

use std::{collections::BTreeSet, fs, path::PathBuf};

use d365_tests::require;
use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

use super::{super::objects::Objects, host::Host};
use crate::{
    notify::{hold, threads},
    steps::until,
};

/// Ends the daemon. The next one has its links and counters, and systemd logged this result.
fn is_replaced(host: &Host, result: &str, end: impl FnOnce(Pid)) {
    let (pid, invocation) = (host.pid(), host.property("InvocationID"));
    let links = |pid| -> BTreeSet<u32> { Objects::held_by(pid).links };
    let (before, restarts) = (links(pid), host.property("NRestarts").parse::<u32>().unwrap());
    host.under_traffic(|| {
        end(Pid::from_raw(i32::try_from(pid).unwrap()));
        host.wait_for_the_next(pid);
    });
    host.is("active");
    assert_eq!(links(host.pid()), before, "the links are the same");
    assert_eq!(host.property("NRestarts"), (restarts + 1).to_string());
    let journal = host.journal_of(&invocation);
    assert!(journal.contains(&format!("Failed with result '{result}'")), "{journal}");
}

/// Waits for the end of a thread that this thread holds. Until then the process cannot end.
fn wait_for_the_end(thread: Pid) {
    let flags = WaitPidFlag::__WALL | WaitPidFlag::WNOHANG;
    let has_ended = || match waitpid(thread, Some(flags)) {
        Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) | Err(Errno::ECHILD) => true,
        Ok(_) => false,
        Err(error) => panic!("{error}"),
    };
    until(60, has_ended, || "systemd does not end the daemon".to_owned());
}

/// The whole process hangs, and then only the thread that publishes lists.
#[test]
fn a_daemon_that_hangs_is_replaced() {
    require!(Root, Systemd, Tool("ip"), Daemon);
    let host = Host::new(&[]);
    host.unit.add("watchdog", "[Service]\nWatchdogSec=20\n").unwrap();
    host.start();
    is_replaced(&host, "watchdog", |pid| kill(pid, Signal::SIGSTOP).unwrap());
    is_replaced(&host, "watchdog", |_| {
        let thread = threads(host.pid(), "updates")[0];
        hold(thread);
        wait_for_the_end(thread);
    });
}

/// The kernel kills the daemon when its control group has no memory left.
#[test]
fn a_daemon_without_memory_is_replaced() {
    require!(Root, Systemd, Tool("ip"), Daemon);
    let host = Host::new(&[]);
    host.start();
    let limit = PathBuf::from("/sys/fs/cgroup").join(&host.property("ControlGroup")[1..]).join("memory.max");
    is_replaced(&host, "oom-kill", |_| {
        let pid = host.pid();
        fs::write(&limit, "1M").unwrap();
        let is_gone = || host.unit.pid().unwrap() != Some(pid);
        until(20, is_gone, || "the kernel kills nothing".to_owned());
        // The next daemon may get the same control group.
        let _ = fs::write(&limit, "max");
    });
}
