//! The boot of a mail host: the order of the units, an interface that comes late, and a wrong clock.

use std::{
    fs,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use d365_tests::{https::Answer, lab::Lab, require, systemd::Unit, vendor::Documents};

use super::{
    super::manager::PATIENCE,
    NAME,
    host::{Download, Host, Undo, options, sh},
};
use crate::steps::{has_xdp, shell, until};

/// The units of Debian's mail servers that the daemon's unit names.
const MAIL: [&str; 3] = ["postfix.service", "postfix@-.service", "exim4.service"];
/// The unit's start waits here until the file exists. The drop-in's name is behind that of the harness.
const WAITS: &str = "[Service]\nExecStartPre=/bin/sh -c 'until test -e /run/d365-go; do sleep 0.2; done'\n";

/// Mail servers that record, when they start, the interface that they see.
struct MailServers<'a> {
    lab: &'a Lab,
    _remove: Undo,
}

impl<'a> MailServers<'a> {
    fn new(lab: &'a Lab) -> Self {
        let (netns, iface) = (lab.host.path(), lab.iface());
        for name in MAIL {
            let text = format!(
                "[Service]\nType=oneshot\nRemainAfterExit=yes\nNetworkNamespacePath={netns}\n\
                 ExecStart=/bin/sh -c 'ip -d link show dev {iface} > /run/{name}.saw'\n"
            );
            fs::write(format!("/run/systemd/system/{name}"), text).unwrap();
        }
        let names = MAIL.join(" ");
        let target = format!("[Unit]\nWants={NAME}.service {names}\n");
        fs::write("/run/systemd/system/mail.target", target).unwrap();
        let remove = Undo(format!(
            "systemctl stop mail.target {names}; cd /run && rm -f *.service.saw; cd systemd/system && rm -f \
             mail.target {names}; systemctl daemon-reload"
        ));
        sh("systemctl daemon-reload");
        Self { lab, _remove: remove }
    }

    /// Starts them and the daemon's unit in one transaction, as a boot does.
    fn start(&self) {
        sh("systemctl start --no-block mail.target");
    }

    fn have(&self, state: &str) -> bool {
        let has = |name: &&str| {
            shell(&self.lab.host, &format!("systemctl show --value --property ActiveState {name}")).trim()
                == state
        };
        MAIL.iter().all(has)
    }

    /// The jobs that systemd has to do, with their states.
    fn jobs(&self) -> String {
        shell(&self.lab.host, "systemctl list-jobs --no-legend --plain")
    }

    /// True if each of them saw the daemon's program when it started.
    fn saw_the_program(&self) -> [bool; MAIL.len()] {
        MAIL.map(|name| fs::read_to_string(format!("/run/{name}.saw")).unwrap().contains("prog/xdp"))
    }
}

#[test]
fn mail_starts_after_the_daemon_is_ready() {
    require!(Root, Systemd, Tool("ip"), Daemon);
    let _go = Undo("rm -f /run/d365-go".to_owned());
    let host = Host::new(&[]);
    host.unit.add("wait", WAITS).unwrap();
    let mail = MailServers::new(&host.lab);
    mail.start();
    let is_running = |jobs: &str, name: &str, state: &str| {
        let mut words = jobs.lines().map(|job| job.split_whitespace().collect::<Vec<_>>());
        words.any(|job| job.get(1) == Some(&name) && job.get(3) == Some(&state))
    };
    let all_wait = || {
        let jobs = mail.jobs();
        is_running(&jobs, "d365.service", "running")
            && MAIL.iter().all(|name| is_running(&jobs, name, "waiting"))
    };
    until(20, all_wait, || mail.jobs());
    assert!(mail.have("inactive"));
    fs::write("/run/d365-go", "").unwrap();
    until(60, || mail.have("active"), || mail.jobs());
    host.is("active");
    assert_eq!(mail.saw_the_program(), [true; MAIL.len()]);
}

#[test]
fn mail_starts_although_the_daemon_fails() {
    require!(Root, Systemd, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let host = Host::with(lab, &options(&["nowhere0"]));
    let mail = MailServers::new(&host.lab);
    mail.start();
    until(60, || mail.have("active"), || mail.jobs());
    assert_ne!(host.property("ActiveState"), "active");
    assert!(host.unit.log().contains("nowhere0"), "{}", host.unit.log());
    assert_eq!(mail.saw_the_program(), [false; MAIL.len()]);
}

/// One interface is named, the other matches a pattern.
#[test]
fn an_interface_that_comes_after_the_boot_is_attached() {
    require!(Root, Systemd, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let unit = Unit::new(NAME, &lab.host, &options(&[])).unwrap();
    unit.set("D365_IFACE=late0,later*\nD365_WAIT_FOR_IFACE=true\n").unwrap();
    unit.systemctl("start", &[]).unwrap();
    let status = || unit.property("StatusText").unwrap();
    until(20, || status().starts_with("Not ready: "), status);
    assert_eq!(unit.property("ActiveState").unwrap(), "active");
    for iface in ["late0", "later7"] {
        lab.host
            .ip(&["link", "add", iface, "up", "type", "veth", "peer", "name", &format!("far-{iface}")])
            .unwrap();
        until(20, || has_xdp(&lab.host, iface), || unit.log());
    }
    unit.wait_until_ready(PATIENCE).unwrap();
    until(20, || status().starts_with("Recognising "), status);
}

/// The clock of this machine, set back for a test.
struct WrongClock {
    right: SystemTime,
    since: Instant,
}

impl WrongClock {
    fn set(date: &str) -> Self {
        let clock = Self { right: SystemTime::now(), since: Instant::now() };
        sh(&format!("date --utc --set='{date}'"));
        clock
    }

    fn correct(&self) {
        let now = self.right + self.since.elapsed();
        sh(&format!("date --utc --set=@{}", now.duration_since(UNIX_EPOCH).unwrap().as_secs()));
    }
}

impl Drop for WrongClock {
    fn drop(&mut self) {
        self.correct();
    }
}

/// Until the clock is right, no server's certificate is valid and the embedded list is not trusted. Packets
/// are counted all the same.
#[test]
fn a_daemon_that_starts_with_a_wrong_clock_counts_and_trusts_when_it_is_right() {
    require!(Root, Systemd, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let download = Download::between([2026, 2200], &lab);
    download.server.route("/doc", [Answer::ok(Documents::Made.document("public-2026-cn398.json"))]);
    let source = download.source();
    let options =
        options(&[lab.iface()]).args(["--ranges", "embedded", "--ranges", &source, "--lease", "30d"]);
    let host = Host::with(lab, &options);
    host.unit.set(&download.settings()).unwrap();

    let clock = WrongClock::set("2021-06-01 12:00");
    host.start();
    let log = |text: &str| until(20, || host.unit.log().contains(text), || host.unit.log());
    log("the clock is wrong, compared with the embedded list");
    log("it is not valid yet (2026-01-01T00:00:00Z); check this host's clock");
    let expiry = |source: &str| {
        let scrape = host.unit.scrape().unwrap();
        scrape.value("d365_lease_expiry_timestamp_seconds", &[("source", source)])
    };
    for source in ["embedded", &source] {
        assert!(expiry(source) <= now(), "{source} is trusted until {}", expiry(source));
    }
    host.under_traffic(|| {
        clock.correct();
        log("the clock can be right now");
        host.unit.systemctl("reload", &[]).unwrap();
        until(60, || expiry(&source) > now(), || host.unit.log());
    });
    assert!(expiry(&source) <= now() + Duration::from_hours(30 * 24).as_secs_f64());
    host.is("active");
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}
