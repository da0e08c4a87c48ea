//! The daemon's stop: the signals, the time that it takes, and the state afterwards.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use d365_tests::{
    daemon::{DEFAULT_LISTEN, Daemon},
    http,
    lab::Lab,
    require,
    temp::TempFile,
};
use nix::sys::signal::Signal;

use crate::steps::{field, has_xdp, on, source, started, stop, until};

#[test]
fn a_daemon_that_is_stopped_or_killed_leaves_the_interface_free() {
    require!(Root, Tool("ip"), Daemon);
    for (signal, code) in [(Signal::SIGINT, Some(0)), (Signal::SIGTERM, Some(0)), (Signal::SIGKILL, None)] {
        let (lab, daemon) = started(&[]);
        assert!(has_xdp(&lab.host, lab.iface()));
        let exit = daemon.stop_by(signal).unwrap();
        assert_eq!(exit.status.code(), code, "{signal}: {}", exit.stderr);
        assert!(exit.took < Duration::from_secs(5), "{:?}", exit.took);
        assert!(!has_xdp(&lab.host, lab.iface()), "{signal}: still attached");
    }
}

/// A silent client does not keep the program attached.
#[test]
fn it_detaches_at_once_whatever_clients_do() {
    require!(Root, Tool("ip"), Daemon);
    let (lab, daemon) = started(&[]);
    let silent = lab.host.run(|| std::net::TcpStream::connect("127.0.0.1:9365")).unwrap();
    daemon.get("/healthz", &[]).unwrap();
    daemon.signal(Signal::SIGTERM).unwrap();
    daemon.wait_for_log("the daemon is stopping", Duration::from_secs(5)).unwrap();
    until(1, || !has_xdp(&lab.host, lab.iface()), || "still attached".to_owned());
    drop(silent);
    stop(daemon);
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
    let get = |path| lab.host.run(|| http::get(DEFAULT_LISTEN, path, &[]));
    until(10, || get("/readyz").is_ok_and(|answer| answer.status == 200), || "not ready".to_owned());
    for _ in 0..500 {
        get("/metrics").unwrap();
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
    let options = on(&lab, &["--ranges", &source(pipe.path())]);
    let daemon = Daemon::spawn(&lab.host, &options).unwrap();
    // The daemon handles signals before it reads the list. Bit 14 of its caught signals is SIGTERM (proc(5)).
    let catches = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
        u64::from_str_radix(field(&status, "SigCgt:").unwrap(), 16).unwrap() & (1 << 14) != 0
    };
    until(10, catches, || "SIGTERM is not caught".to_owned());
    let exit = daemon.stop().unwrap();
    assert_eq!(exit.status.code(), Some(0), "{}", exit.stderr);
    assert!(exit.took < Duration::from_secs(5), "{:?}", exit.took);
}
