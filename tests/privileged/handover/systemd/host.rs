//! A host for the tests of the unit: a lab with the daemon as a unit, traffic, and changes of the machine,
//! which are undone at the end.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::Duration,
};

use d365_tests::{
    daemon::DaemonOptions,
    https::{Authority, Server},
    lab::Lab,
    systemd::Unit,
};

use super::{
    super::{counts, endurance, manager::PATIENCE, watch::Transitions},
    NAME, NO_LIMIT,
};
use crate::steps::{SetOnDrop, until};

/// The machine's maker puts the package there.
const PACKAGES: &str = "/d365";
/// The time between two packets. systemd and apt need the processor, too.
const GAP: Duration = Duration::from_millis(20);

/// Runs commands, and returns what they print on both outputs, the commands themselves included.
pub(super) fn sh(script: &str) -> String {
    endurance::progress(script);
    // A command that waits for an answer ends here.
    let mut shell = Command::new("timeout");
    shell
        .args(["300", "sh", "-exc", script])
        .stdin(Stdio::null())
        .current_dir(PACKAGES)
        .env("DEBIAN_FRONTEND", "noninteractive");
    let output = shell.output().unwrap();
    let text =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "{script}{text}");
    text
}

/// Commands that undo a change of the machine, and run when this value is dropped.
pub(super) struct Undo(pub(super) String);

impl Drop for Undo {
    fn drop(&mut self) {
        let undone = Command::new("sh").args(["-c", &self.0]).status();
        if !undone.is_ok_and(|status| status.success()) {
            endurance::progress(&format!("not undone: {}", self.0));
        }
    }
}

/// A file that the unit's user can read, unlike one below `/tmp`.
pub(super) struct Readable {
    pub(super) path: String,
    _remove: Undo,
}

impl Readable {
    pub(super) fn new(name: &str, text: &str) -> Self {
        let path = format!("/run/{name}");
        let file = Self { _remove: Undo(format!("rm -f {path}")), path };
        file.replace(text);
        file
    }

    /// The value of `--ranges` for this file.
    pub(super) fn source(&self) -> String {
        crate::steps::source(Path::new(&self.path))
    }

    /// Renames a new file into place.
    pub(super) fn replace(&self, text: &str) {
        let new = format!("{}.new", self.path);
        fs::write(&new, text).unwrap();
        fs::rename(new, &self.path).unwrap();
    }
}

/// A server of a document, on the loopback of a lab's host. Its certificate is valid between these years.
pub(super) struct Download {
    pub(super) server: Server,
    authority: Readable,
}

impl Download {
    pub(super) fn between(years: [i32; 2], lab: &Lab) -> Self {
        let authority = Authority::new().unwrap();
        let identity = authority.issue_between(years, &["127.0.0.1"]).unwrap();
        let server = lab.host.run(|| Server::https(&identity)).unwrap();
        Self { server, authority: Readable::new("d365-authority.pem", &authority.pem()) }
    }

    /// The value of `--ranges` for the document. The machine has no `/etc/hosts`.
    pub(super) fn source(&self) -> String {
        format!("url:{}", self.server.url("/doc").replace("localhost", "127.0.0.1"))
    }

    /// The unit's settings with which the daemon trusts the server.
    pub(super) fn settings(&self) -> String {
        format!("SSL_CERT_FILE={}\n", self.authority.path)
    }
}

/// A lab whose daemon is a unit.
pub(super) struct Host {
    // The unit is stopped before its namespace goes.
    pub(super) unit: Unit,
    pub(super) lab: Lab,
    transitions: Transitions,
}

impl Host {
    /// A host whose unit watches the lab's interface, with these flags. It is not started yet.
    pub(super) fn new(flags: &[&str]) -> Self {
        let lab = Lab::new().unwrap();
        let options = options(&[lab.iface()]).args(flags.iter().copied());
        Self::with(lab, &options)
    }

    pub(super) fn with(lab: Lab, options: &DaemonOptions) -> Self {
        let transitions = Transitions::listen(&lab);
        let unit = Unit::new(NAME, &lab.host, options).unwrap();
        unit.add("no-limit", NO_LIMIT).unwrap();
        unit.check_first(options).unwrap();
        Self { unit, lab, transitions }
    }

    /// Starts the unit, and waits until the daemon is ready.
    pub(super) fn start(&self) {
        let started = self.unit.systemctl("start", &[]);
        started
            .unwrap_or_else(|error| panic!("{error:?}\n{}", self.journal_of(&self.property("InvocationID"))));
        self.is("active");
        self.unit.wait_until_ready(PATIENCE).unwrap();
        until(10, || self.transitions.count() > 0, || "the kernel reports no program".to_owned());
    }

    pub(super) fn pid(&self) -> u32 {
        self.unit.pid().unwrap().unwrap()
    }

    /// Waits until another daemon than this one is ready.
    pub(super) fn wait_for_the_next(&self, pid: u32) {
        let is_new = || self.unit.pid().unwrap().is_some_and(|new| new != pid);
        until(60, is_new, || format!("no new daemon; log:\n{}", self.unit.log()));
        self.unit.wait_until_ready(PATIENCE).unwrap();
    }

    /// The words of systemd about this start of the unit, and what its programs wrote to standard output.
    pub(super) fn journal_of(&self, invocation: &str) -> String {
        let id = format!("INVOCATION_ID={invocation}");
        sh(&format!("journalctl --sync && journalctl --quiet --output=cat {id} + _SYSTEMD_{id}"))
    }

    #[track_caller]
    pub(super) fn is(&self, state: &str) {
        assert_eq!(self.property("ActiveState"), state, "{}", self.unit.log());
    }

    pub(super) fn property(&self, name: &str) -> String {
        self.unit.property(name).unwrap()
    }

    /// A counter of the daemon, summed over its labels.
    pub(super) fn sum(&self, name: &str) -> u64 {
        self.unit.scrape().unwrap().sum(name, &[])
    }

    /// Runs `change` under traffic. No packet passes uncounted or without a program.
    pub(super) fn under_traffic(&self, change: impl FnOnce()) {
        under_traffic(&self.lab, &self.unit, &self.transitions, change);
    }
}

/// The options of a daemon that systemd runs.
pub(super) fn options(interfaces: &[&str]) -> DaemonOptions {
    super::stateless(&DaemonOptions::on(interfaces))
}

/// Runs `change` under traffic. No packet passes uncounted or without a program.
pub(super) fn under_traffic(lab: &Lab, unit: &Unit, transitions: &Transitions, change: impl FnOnce()) {
    let before = counts(&unit.scrape().unwrap());
    let stop = AtomicBool::new(false);
    let sent = thread::scope(|scope| {
        let _end = SetOnDrop(&stop);
        let sending = scope.spawn(|| endurance::send(lab, &stop, GAP));
        change();
        stop.store(true, Relaxed);
        sending.join().unwrap()
    });
    assert!(sent[0] > 0, "no packet was sent");
    let counted = || {
        let after = counts(&unit.scrape().unwrap());
        [0, 1, 2].map(|kind| after[kind] - before[kind])
    };
    until(10, || counted() == sent, || format!("{:?} counted of {sent:?}", counted()));
    // A packet that is counted twice shows soon after.
    thread::sleep(Duration::from_millis(200));
    assert_eq!(counted(), sent, "log:\n{}", unit.log());
    assert_eq!(transitions.count(), 0, "the interface lost its program, or got one");
}
