//! Signals: the verifier gives up when one is pending while the daemon starts, and only one thread takes
//! them.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use d365_tests::{
    daemon::Daemon,
    lab::Lab,
    require,
    seccomp::{Faults, command},
};
use nix::{errno::Errno, sys::signal::Signal};

use crate::{
    doctor::doctor,
    steps::{field, on, stop},
};

/// Another thread would lose the signal: its table of descriptors does not have tokio's pipe.
fn only_the_first_thread_takes_signals(daemon: &Daemon) {
    let pid = daemon.pid();
    let blocked = |thread: &str| {
        let status = fs::read_to_string(format!("/proc/{pid}/task/{thread}/status")).unwrap();
        u64::from_str_radix(field(&status, "SigBlk:").unwrap(), 16).unwrap()
    };
    let bits = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM, Signal::SIGXCPU]
        .iter()
        .fold(0, |bits, signal| bits | 1 << (*signal as u32 - 1));
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let threads: Vec<String> =
        threads.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(threads.len() > 4, "{threads:?}");
    for thread in threads {
        let expected = if thread == pid.to_string() { 0 } else { bits };
        assert_eq!(blocked(&thread) & bits, expected, "thread {thread} of {pid}");
    }
}

/// Stops and continues the daemon every few milliseconds, as job control and some supervisors do.
#[test]
fn stops_and_continuations_do_not_keep_it_from_starting() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    for _ in 0..5 {
        let mut daemon = Daemon::spawn(&lab.host, &on(&lab, &[])).unwrap();
        let end = Instant::now() + Duration::from_millis(500);
        while Instant::now() < end {
            daemon.signal(Signal::SIGSTOP).unwrap();
            thread::sleep(Duration::from_millis(1));
            daemon.signal(Signal::SIGCONT).unwrap();
            thread::sleep(Duration::from_millis(4));
        }
        daemon.wait_until_ready(Duration::from_secs(30)).unwrap();
        assert_eq!(daemon.scrape().unwrap().sum("d365_attached", &[]), 1);
        only_the_first_thread_takes_signals(&daemon);
        stop(daemon);
    }
}

/// The feature probes of aya come first. If the first one fails, aya loads programs without names. The kernel
/// reports an interrupted call as EAGAIN from the verifier, and as EINTR from a test run before 5.13.
#[test]
fn whatever_a_signal_interrupts_is_asked_again() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    for (command, errno, most) in
        [(command::PROG_LOAD, Errno::EAGAIN, 8), (command::PROG_TEST_RUN, Errno::EINTR, 2)]
    {
        for nth in 1..=most {
            let faults = Faults::new();
            faults.fail(command, nth, errno);
            let daemon = Daemon::start(&lab.host, &on(&lab, &[]).faults_by(&faults)).unwrap();
            assert!(faults.calls(command) > nth, "call {nth} of command {command} did not fail");
            let report = doctor(&lab.host, lab.iface());
            let (level, text) = report.of("xdp_programs", Some(lab.iface()));
            assert!(level == "ok" && text.contains("d365-user's own"), "{nth}: {text}");
            stop(daemon);
        }
    }
}
