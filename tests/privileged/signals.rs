//! Signals while the daemon starts: the kernel's verifier gives up when one is pending.

use std::{
    thread,
    time::{Duration, Instant},
};

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    lab::Lab,
    require,
};
use nix::sys::signal::Signal;

/// Stops and continues every few milliseconds, as job control and some supervisors do.
#[test]
fn stops_and_continuations_do_not_keep_it_from_starting() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    for _ in 0..5 {
        let mut daemon = Daemon::spawn(&lab.host, &DaemonOptions::on(&[lab.iface()])).unwrap();
        let end = Instant::now() + Duration::from_millis(500);
        while Instant::now() < end {
            daemon.signal(Signal::SIGSTOP).unwrap();
            thread::sleep(Duration::from_millis(1));
            daemon.signal(Signal::SIGCONT).unwrap();
            thread::sleep(Duration::from_millis(4));
        }
        daemon.wait_until_ready(Duration::from_secs(30)).unwrap();
        assert_eq!(daemon.scrape().unwrap().sum("d365_attached", &[]), 1);
        assert_eq!(daemon.stop().unwrap().status.code(), Some(0));
    }
}
