//! The state directory is on a disk that does not answer: a write to it never returns, and no signal ends the
//! thread that waits for it. The daemon keeps running, reports the problem and drops nothing. It leaves the
//! interface when it is stopped or killed.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    disk::Disk,
    lab::Lab,
    mount::{Mount, SMALL_DISK},
    patience, require,
    temp::TempFile,
};
use d365_user::gate::{GatePolicy, gates};
use nix::sys::signal::Signal;

use crate::steps::{self, has_xdp, knock, source, stop};

/// Upper limit for a stop, and for the end of a killed daemon's attachment.
const STOP: Duration = Duration::from_secs(5);
const STRANGER: &str = "203.0.113.9";
const BEFORE: &str = "11.0.0.0/24,NAM\n";
const AFTER: &str = "11.0.0.0/24,NAM\n11.0.1.0/24,NAM\n";

/// A daemon that drops, with its state on the disk. Rust drops the fields in this order, so the disk thaws
/// before the drop of the daemon waits for its end.
struct Host {
    disk: Disk,
    daemon: Daemon,
    lab: Lab,
    list: TempFile,
}

impl Host {
    fn start() -> Self {
        let lab = Lab::new().unwrap();
        let disk = Disk::new(&lab.host, &[Mount::Sysfs, Mount::Bpffs]).unwrap();
        let list = TempFile::new("list", BEFORE);
        let source = source(list.path());
        let options = DaemonOptions { state: None, ..DaemonOptions::on(&[lab.iface()]) };
        let options = options.view(&disk.view).args(["--ranges", &source, "--state-dir", SMALL_DISK]);
        let options = options.args(["--lease", "never", "--unlisted", "drop"]);
        let daemon = Daemon::start(&lab.host, &options).unwrap();
        let host = Self { disk, daemon, lab, list };
        host.until("gate.json", || host.accepted() == 1);
        host
    }

    /// Freezes the disk, then waits until a write hangs and until the daemon reports it.
    fn hang(&self) {
        self.disk.freeze().unwrap();
        fs::write(self.list.path(), AFTER).unwrap();
        self.until("the thread hangs", || self.is_in_disk_sleep());
        self.until("not ready", || self.readiness() == (503, "the state directory does not answer".into()));
    }

    fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        steps::until(20, is_so, || format!("{what} does not come; log:\n{}", self.daemon.log()));
    }

    fn readiness(&self) -> (u16, String) {
        let answer = self.daemon.get("/readyz", &[]).unwrap();
        (answer.status, answer.body.trim().trim_start_matches("not ready: ").to_owned())
    }

    /// The directories in `/proc` of the daemon's threads with this name.
    fn threads(&self, name: &str) -> Vec<PathBuf> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.daemon.pid())).unwrap();
        let is_it =
            |path: &PathBuf| fs::read_to_string(path.join("comm")).is_ok_and(|comm| comm.trim() == name);
        threads.map(|thread| thread.unwrap().path()).filter(is_it).collect()
    }

    fn is_in_disk_sleep(&self) -> bool {
        let is_asleep = |path: &PathBuf| {
            let status = fs::read_to_string(path.join("status")).unwrap_or_default();
            status.lines().any(|line| line.starts_with("State:\tD"))
        };
        self.threads("storage").iter().any(is_asleep)
    }

    /// Number of ranges that the gates on the disk have accepted.
    fn accepted(&self) -> usize {
        let look = || gates::look(SMALL_DISK.as_ref(), GatePolicy::default());
        let gates = self.disk.view.run(look).unwrap().unwrap_or_default();
        gates.values().map(|gate| gate.accepted().len()).sum()
    }

    /// Each of these threads may hang: in the state directory, in a list's file, or in the log.
    fn threads_that_may_hang_hold_nothing_of_the_kernels(&self) {
        let held = |name: &str| {
            let threads = self.threads(name);
            assert!(!threads.is_empty(), "no thread {name}");
            let descriptors = threads.iter().flat_map(|path| fs::read_dir(path.join("fd")).unwrap());
            let link = |entry: std::io::Result<fs::DirEntry>| fs::read_link(entry.unwrap().path()).ok();
            let bpf = |path: &PathBuf| path.to_string_lossy().contains("bpf");
            descriptors.filter_map(link).filter(bpf).count()
        };
        assert!(held("updates") > 0, "what is looked for is there");
        for name in ["storage", "source 0", "watch", "log"] {
            assert_eq!(held(name), 0, "{name}");
        }
    }

    /// Sends a new connection from an unlisted source. Returns true if the program drops it.
    fn drops(&self) -> bool {
        let iface = [("iface", self.lab.iface())];
        let dropped = || {
            let scrape = self.daemon.scrape().unwrap();
            let count = |name| scrape.count(name, &iface);
            (count("d365_unlisted_smtp_connections_total"), count("d365_unlisted_dropped_packets_total"))
        };
        let (connections, before) = dropped();
        knock(self.lab.link(), &[STRANGER]);
        self.until("the packet", || dropped().0 > connections);
        dropped().1 > before
    }

    /// Sends the signal. The interface must be free within the limit for a stop, although the thread still
    /// hangs.
    fn leaves_by(&self, signal: Signal) {
        let since = Instant::now();
        self.daemon.signal(signal).unwrap();
        self.until("free", || !has_xdp(&self.lab.host, self.lab.iface()));
        assert!(since.elapsed() < patience::stretched(STOP), "{:?}", since.elapsed());
        self.until("the thread hangs", || self.is_in_disk_sleep());
    }
}

#[test]
fn the_daemon_goes_on_while_a_write_hangs_and_writes_it_all_afterwards() {
    require!(Root, Tool("ip"), Tool("mkfs.ext4"), Tool("fsfreeze"), Daemon);
    let host = Host::start();
    assert!(host.drops());
    host.threads_that_may_hang_hold_nothing_of_the_kernels();
    host.hang();
    host.until("the new list", || host.daemon.scrape().unwrap().sum("d365_ranges", &[]) == 2);
    host.until("no drops", || !host.drops());
    let hangs = || host.daemon.scrape().unwrap().count("d365_state_failures_total", &[("operation", "hang")]);
    assert_eq!(hangs(), 1);
    assert_eq!(host.daemon.log().matches("does not answer: decisions").count(), 1);
    assert_eq!(host.accepted(), 1, "nothing is written");
    host.disk.thaw();
    host.until("ready", || host.readiness().0 == 200);
    host.until("drops", || host.drops());
    host.until("the new list is written", || host.accepted() == 2);
    host.until("answers again", || host.daemon.log().contains("answers again"));
    assert_eq!(hangs(), 1);
    stop(host.daemon);
}

/// The daemon's write hangs before the signal, or the first hanging write is the one of the stop itself.
#[test]
fn a_daemon_that_is_stopped_or_killed_while_a_write_hangs_leaves_the_interface_free() {
    require!(Root, Tool("ip"), Tool("mkfs.ext4"), Tool("fsfreeze"), Daemon);
    for (hangs_before, signal) in [(true, Signal::SIGTERM), (false, Signal::SIGTERM), (true, Signal::SIGKILL)]
    {
        let host = Host::start();
        if hangs_before {
            host.hang();
        } else {
            host.disk.freeze().unwrap();
        }
        host.leaves_by(signal);
        if signal == Signal::SIGTERM {
            host.daemon.wait_for_log("the daemon stopped", STOP).unwrap();
            if hangs_before {
                host.daemon.wait_for_log("what was not written by now is lost", STOP).unwrap();
            }
        }
        // The kernel ends a process only when its last thread has ended.
        host.disk.thaw();
        let code = host.daemon.stop().unwrap().status.code();
        assert_eq!(code, (signal == Signal::SIGTERM).then_some(0), "{signal}");
    }
}
