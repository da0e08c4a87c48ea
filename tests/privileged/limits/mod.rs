//! Limits of the system that are reached at the start or for a moment: threads, file descriptors, file sizes,
//! processor time, memory. The daemon keeps running or does not start. Such a limit never ends a running
//! daemon with a panic.

mod threads;

use std::{fs, os::unix::process::ExitStatusExt as _, process::Stdio, thread, time::Duration};

use d365_tests::{
    cgroup::MemoryGroup,
    daemon::{self, DEFAULT_LISTEN, Daemon, DaemonOptions},
    http,
    lab::Lab,
    limit::Limit,
    require, task,
    temp::TempFile,
};
use d365_user::exit::Exit;
use nix::sys::{resource::Resource, signal::Signal};

use crate::{
    bad_input::has_refused,
    steps::{self, ListFile, lines, on, start, started},
    updates::site::{ranges, wait_until},
};

/// Longer than the interval at which the daemon checks its attachments.
const LOOK: Duration = Duration::from_secs(6);

/// A list in a file. Each call of `grows` adds a range.
struct Growing {
    list: ListFile,
    ranges: u32,
}

impl Growing {
    fn new() -> Self {
        Self { list: ListFile::new(lines(0..1, "NAM")), ranges: 1 }
    }

    fn source(&self) -> &str {
        &self.list.source
    }

    fn grows(&mut self) {
        self.ranges += 1;
        self.list.replace(lines(0..self.ranges, "NAM"));
    }
}

/// Asserts that the daemon did not start: the documented code, one error line with these words, no panic, and
/// no program left on the interface.
#[track_caller]
fn refused(lab: &Lab, exit: &daemon::Exit, words: &[&str]) {
    has_refused(exit, Exit::Resources, words);
    no_panic(&exit.stderr);
    assert!(!steps::has_xdp(&lab.host, lab.iface()));
}

/// Searches for the texts of a panic, both of the standard library's hook and of the daemon's.
#[track_caller]
fn no_panic(log: &str) {
    assert!(!log.contains("panicked") && !log.contains("a fault of this program"), "{log}");
}

/// Asserts that the daemon stops with code 0 and without a panic.
#[track_caller]
fn stops(daemon: Daemon) {
    no_panic(&steps::stop(daemon));
}

#[test]
fn a_start_with_too_few_descriptors_says_so() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    for limit in [6, 20, 60, 100] {
        let options = on(&lab, &[]).limit(Resource::RLIMIT_NOFILE, limit);
        let exit = Daemon::run(&lab.host, &options).unwrap();
        refused(&lab, &exit, &["Too many open files", "LimitNOFILE=", "ulimit -n"]);
    }
}

#[test]
fn a_lack_of_descriptors_for_a_moment_ends_nothing_and_is_made_up_for() {
    require!(Root, Tool("ip"), Daemon);
    let (lab, mut list) = (Lab::new().unwrap(), Growing::new());
    let daemon = start(&lab, &["--ranges", list.source()]);
    wait_until(&daemon, "the list", |scrape| ranges(scrape) == 1);
    // A thread that reads a list has a descriptor table of its own, in which only 0 to 2 are open.
    let none = Limit { resource: Resource::RLIMIT_NOFILE, soft: 3 };
    let before = none.set(daemon.pid()).unwrap();
    list.grows();
    let waiting = lab.host.run(|| thread::spawn(|| http::get(DEFAULT_LISTEN, "/readyz", &[])));
    let patience = Duration::from_secs(20);
    let lack = ["cannot accept an HTTP connection", " error=\"Too many open files"];
    daemon.wait_for_line(&lack, patience).unwrap();
    daemon.wait_for_log("cannot read the range list", patience).unwrap();
    thread::sleep(LOOK);
    before.set(daemon.pid()).unwrap();
    // The daemon answered this client late, or the client gave up. The daemon answers the next request in
    // either case.
    drop(waiting.join().unwrap());
    let scrape = wait_until(&daemon, "the longer list", |scrape| ranges(scrape) == 2);
    assert!(scrape.count("d365_http_failures_total", &[("reason", "accept")]) > 1);
    assert!(scrape.sum("d365_source_failures_total", &[("reason", "io")]) >= 1);
    assert_eq!(daemon.get("/readyz", &[]).unwrap().status, 200);
    let log = daemon.log();
    assert_eq!(log.matches("cannot accept an HTTP connection").count(), 1, "{log}");
    assert!(log.contains("HTTP connections are accepted again"), "{log}");
    assert!(!log.contains("not attached: packets"), "what cannot be asked is not lost: {log}");
    stops(daemon);
}

/// `ulimit -f`: the daemon counts a write that fails and repeats it later, as on a full disk.
#[test]
fn a_state_file_that_would_be_too_large_is_a_failed_write() {
    require!(Root, Tool("ip"), Daemon);
    let (lab, mut list) = (Lab::new().unwrap(), Growing::new());
    let options = on(&lab, &["--ranges", list.source()]);
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
    let stderr = String::from_utf8(done.stderr).unwrap();
    assert_eq!((done.status.code(), done.status.signal()), (Some(1), None), "{stderr}");
    assert!(stderr.contains("cannot write to standard output: File too large"), "{stderr}");
}

/// `ulimit -St`: the daemon detaches and keeps its counts. Its exit code shows a supervisor that this was not
/// a regular stop.
#[test]
fn the_limit_of_processor_time_is_a_stop_with_a_code() {
    require!(Root, Tool("ip"), Daemon);
    let (lab, daemon) = started(&[]);
    let exit = daemon.stop_by(Signal::SIGXCPU).unwrap();
    assert!(exit.stderr.contains("the daemon stopped"), "{}", exit.stderr);
    refused(&lab, &exit, &["SIGXCPU", "LimitCPU="]);
}

/// Options that start the daemon in the group.
fn inside(group: &MemoryGroup, lab: &Lab) -> DaemonOptions {
    let binary = daemon::binary().unwrap();
    let enter = format!("echo $$ > {} && exec \"$0\" \"$@\"", group.processes().display());
    let options = DaemonOptions { binary: Some("sh".into()), ..DaemonOptions::on(&[]) };
    options.args(["-c", &enter, binary.to_str().unwrap(), "--iface", lab.iface()])
}

/// The kernel's own error contains only that it cannot allocate memory. The daemon names the limit and the
/// flags.
#[test]
fn the_limit_of_memory_and_the_flags_are_named() {
    require!(Root, Tool("ip"), MemoryGroup, Kernel(5, 11, "maps count towards control groups"), Daemon);
    let lab = Lab::new().unwrap();
    let group = MemoryGroup::new(96 << 20).unwrap();
    let name = group.name();
    let limit = "98304 KiB of memory (memory.";
    let words = ["TABLES", "os error 12", &name, limit, "MemoryMax=", "--max-pages", "--max-ranges"];
    // 512 MiB of pages.
    let exit = Daemon::run(&lab.host, &inside(&group, &lab).args(["--max-pages", "262144"])).unwrap();
    refused(&lab, &exit, &words);
    stops(Daemon::start(&lab.host, &inside(&group, &lab)).unwrap());
}
