//! Limits of file sizes and of processor time, whose signals end a process by default.

use std::{fs, os::unix::process::ExitStatusExt as _, process::Stdio};

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    lab::Lab,
    limit::Limit,
    require, task,
    temp::TempFile,
};
use nix::sys::{resource::Resource, signal::Signal};

use super::{Growing, refused, stops};
use crate::updates::site::{ranges, wait_until};

/// `ulimit -f`: the daemon counts a write that fails and repeats it later, as on a full disk.
#[test]
fn a_state_file_that_would_be_too_large_is_a_failed_write() {
    require!(Root, Tool("ip"), Daemon);
    let (lab, mut list) = (Lab::new().unwrap(), Growing::new());
    let options = DaemonOptions::on(&[lab.iface()]).args(["--ranges", &list.source()]);
    let state = options.state.clone().unwrap();
    let daemon = Daemon::start(&lab.host, &options.limit(Resource::RLIMIT_FSIZE, 64)).unwrap();
    list.grows();
    wait_until(&daemon, "a failed write", |scrape| {
        scrape.count("d365_state_failures_total", &[("operation", "gates")]) > 0 && ranges(scrape) == 2
    });
    let log = daemon.log();
    assert!(log.contains("/gate.json: File too large (os error 27)"), "{log}");
    let gates = state.file("gate.json");
    assert!(!gates.exists());
    Limit { resource: Resource::RLIMIT_FSIZE, soft: 1 << 30 }.set(daemon.pid()).unwrap();
    list.grows();
    wait_until(&daemon, "gate.json", |scrape| ranges(scrape) == 3 && gates.is_file());
    assert!(fs::metadata(gates).unwrap().len() > 64);
    stops(daemon);
}

#[test]
fn a_task_whose_output_would_be_too_large_says_so() {
    require!(Root, Daemon);
    let out = TempFile::new("output", "");
    let mut command = task::command(&["ranges"]).unwrap();
    command.stdout(fs::File::create(out.path()).unwrap()).stderr(Stdio::piped());
    Limit { resource: Resource::RLIMIT_FSIZE, soft: 64 }.inflict_on(&mut command);
    let done = command.output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!((done.status.code(), done.status.signal()), (Some(1), None), "{said}");
    assert!(said.contains("cannot write to standard output: File too large"), "{said}");
}

/// `ulimit -St`: the daemon detaches and keeps its counts. Its exit code shows a supervisor that this was not
/// a regular stop.
#[test]
fn the_limit_of_processor_time_is_a_stop_with_a_code() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let daemon = Daemon::start(&lab.host, &DaemonOptions::on(&[lab.iface()])).unwrap();
    let exit = daemon.stop_by(Signal::SIGXCPU).unwrap();
    assert!(exit.stderr.contains("detached and stopped"), "{}", exit.stderr);
    refused(&lab, &exit, &["SIGXCPU", "LimitCPU="]);
}
