//! The daemon's stop: the signals, the time that it takes, and the state afterwards.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use d365_tests::{
    daemon::{DEFAULT_LISTEN, Daemon, DaemonOptions},
    http,
    lab::Lab,
    require,
    temp::TempFile,
};
use nix::sys::signal::Signal;

use crate::operation::has_xdp;

#[test]
fn it_stops_by_both_signals_and_detaches() {
    require!(Root, Tool("ip"), Daemon);
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let lab = Lab::new().unwrap();
        let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&[lab.iface()])).unwrap();
        assert!(has_xdp(&lab.host, lab.iface()));
        let exit = daemon.stop_by(signal).unwrap();
        assert_eq!(exit.status.code(), Some(0), "{}", exit.stderr);
        assert!(exit.took < Duration::from_secs(5), "{:?}", exit.took);
        assert!(!has_xdp(&lab.host, lab.iface()), "still attached");
    }
}

#[test]
fn a_daemon_that_is_killed_leaves_the_interface_free() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&[lab.iface()])).unwrap();
    daemon.stop_by(Signal::SIGKILL).unwrap();
    assert!(!has_xdp(&lab.host, lab.iface()));
}

/// A silent client does not keep the program attached.
#[test]
fn it_detaches_at_once_whatever_clients_do() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&[lab.iface()])).unwrap();
    let silent = lab.host.run(|| std::net::TcpStream::connect("127.0.0.1:9365")).unwrap();
    daemon.get("/healthz", &[]).unwrap();
    daemon.signal(Signal::SIGTERM).unwrap();
    daemon.wait_for_log("detaching and stopping", Duration::from_secs(5)).unwrap();
    let gone = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        !has_xdp(&lab.host, lab.iface())
    });
    assert!(gone, "still attached");
    drop(silent);
    assert_eq!(daemon.stop().unwrap().status.code(), Some(0));
}

/// Nobody reads the daemon's log, and its pipe is full. The daemon still works and stops.
#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let mut command = Command::new(d365_tests::daemon::binary().unwrap());
    command.args(["--iface", lab.iface(), "--log-level", "trace"]).stderr(Stdio::piped());
    let mut child = lab.host.spawn(command).unwrap();
    let unread = child.take_stderr();
    let ready = || {
        lab.host.run(|| http::get(DEFAULT_LISTEN, "/readyz", &[])).is_ok_and(|answer| answer.status == 200)
    };
    let waited = (0..1000).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        ready()
    });
    assert!(waited, "not ready");
    for _ in 0..500 {
        lab.host.run(|| http::get(DEFAULT_LISTEN, "/metrics", &[])).unwrap();
    }
    child.signal(Signal::SIGTERM).unwrap();
    let status = child.wait(Duration::from_secs(5)).unwrap();
    assert_eq!(status.and_then(|status| status.code()), Some(0));
    drop(unread);
}

/// The list is a pipe without a writer.
#[test]
fn a_source_that_does_not_answer_keeps_nobody_from_stopping() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let pipe = TempFile::reserve("fifo");
    nix::unistd::mkfifo(pipe.path(), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let spec = format!("file:{}", pipe.path().display());
    let options = DaemonOptions::on(&[lab.iface()]).args(["--ranges", &spec]);
    let daemon = Daemon::spawn(&lab.host, &options).unwrap();
    // The daemon handles signals before it reads the list. Bit 14 of its caught signals is SIGTERM (proc(5)).
    let catches = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        u64::from_str_radix(caught.trim(), 16).unwrap() & (1 << 14) != 0
    };
    while !catches() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let exit = daemon.stop().unwrap();
    assert_eq!(exit.status.code(), Some(0), "{}", exit.stderr);
    assert!(exit.took < Duration::from_secs(5), "{:?}", exit.took);
}
