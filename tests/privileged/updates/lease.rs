//! The time until which a source's ranges are trusted: in the metrics, in the log, and in the kernel.
//! Counting and passing continue after it.

use std::{
    fs, iter,
    process::Command,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use d365_common::lease::LEASES;
use d365_tests::{
    daemon::Daemon,
    require,
    scrape::Scrape,
    seccomp::{Faults, command},
    temp::TempDir,
};
use nix::{
    errno::Errno,
    sys::signal::Signal,
    time::{ClockId, clock_getres},
};
use serde_json::Value;

use super::site::{PATIENCE, Site, ranges, wait_until};
use crate::mail::{deliver_again, listen, tally};

/// The message at the end of a lease.
const ENDED: &str = "the lease ended: ";
const LIST: &str = "11.0.0.0/24,NAM\n";
/// A busy machine counts ticks late, and one tick is lost by rounding.
const TICKS: f64 = 0.1;
/// 2026-08-03T00:00:00Z, the embedded list's date, and 14 days.
const EMBEDDED_UNTIL: f64 = 1_785_715_200.0 + 14.0 * 86_400.0;

fn expiry(scrape: &Scrape) -> f64 {
    scrape.value("d365_lease_expiry_timestamp_seconds", &[])
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

fn times(daemon: &Daemon, text: &str) -> usize {
    daemon.log().matches(text).count()
}

fn bpftool(arguments: &[&str]) -> Option<Value> {
    let output = Command::new("bpftool").arg("-j").args(arguments).output().unwrap();
    output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
}

/// The id of the daemon's own map `LEASE`.
fn lease_map(daemon: &Daemon) -> String {
    let descriptors = fs::read_dir(format!("/proc/{}/fdinfo", daemon.pid())).unwrap();
    let mut maps = descriptors.filter_map(|descriptor| {
        let text = fs::read_to_string(descriptor.unwrap().path()).ok()?;
        text.lines().find_map(|line| line.strip_prefix("map_id:")).map(|id| id.trim().to_owned())
    });
    let is_lease =
        |id: &String| bpftool(&["map", "show", "id", id]).is_some_and(|map| map["name"] == "LEASE");
    maps.find(is_lease).expect("a map LEASE")
}

/// The tick at which the first lease in the map ends. The only set of sources has the first number.
fn kernel_tick(daemon: &Daemon) -> u64 {
    let dump = bpftool(&["map", "dump", "id", &lease_map(daemon)]).unwrap();
    let bytes = dump[0]["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|byte| u8::from_str_radix(byte.as_str().unwrap().trim_start_matches("0x"), 16).unwrap());
    u64::from_ne_bytes(bytes.take(8).collect::<Vec<_>>().try_into().unwrap())
}

/// The current tick.
fn current_tick() -> u64 {
    let timers = fs::read_to_string("/proc/timer_list").unwrap();
    let tick = timers.lines().find_map(|line| line.strip_prefix("jiffies: "));
    tick.expect("a count of ticks").parse().unwrap()
}

/// Seconds until the kernel's lease expires, or 0 if it has expired.
fn kernel_left(daemon: &Daemon) -> f64 {
    let tick = Duration::from(clock_getres(ClockId::CLOCK_MONOTONIC_COARSE).unwrap());
    let left = kernel_tick(daemon).saturating_sub(current_tick());
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let left = left as f64;
    left * tick.as_secs_f64()
}

/// Asserts that the kernel's lease is never longer than the one in the metrics. A reading may move both in
/// the meantime, and the daemon sets the kernel's lease first.
fn assert_kernel_follows(daemon: &Daemon) {
    let shown = || expiry(&daemon.scrape().unwrap());
    let (first, before) = (shown(), now());
    let (left, after) = (kernel_left(daemon), now());
    assert!(left >= first - after - TICKS, "{left} s are left, {} s of what is shown", first - after);
    let is_shown = |until: f64| left <= (until - before).max(0.0) + TICKS;
    let follows = is_shown(shown()) || {
        thread::sleep(Duration::from_millis(300));
        is_shown(shown())
    };
    assert!(follows, "{left} s were left, {} s of what is shown", shown() - before);
}

fn assert_kernel_has_ended(daemon: &Daemon) {
    let left = kernel_left(daemon);
    assert!(left < TICKS, "{left} s are left; log:\n{}", daemon.log());
}

/// The log text for a lease that ended at `until`. On a slow machine, other leases have ended between two
/// readings too.
/// The field with the end of a lease.
fn field(until: f64) -> String {
    let end = UNIX_EPOCH + Duration::from_secs_f64(until);
    format!(" until={}", humantime::format_rfc3339_seconds(end))
}

#[test]
fn a_lease_runs_out_and_is_there_again_with_the_next_reading() {
    require!(Root, Tool("ip"), Tool("bpftool"), Daemon);
    let site = Site::new();
    let directory = TempDir::new("list");
    fs::write(directory.file("list"), LIST).unwrap();
    let source = format!("file:{}", directory.file("list").display());
    let daemon = site.start(&site.options(&[&source]).args(["--lease", "3s"]));
    fs::rename(directory.file("list"), directory.file("away")).unwrap();
    let sender = ["11.0.0.9".parse().unwrap()];
    site.lab.add_source(sender[0]).unwrap();
    let _listener = listen(&site.lab);
    let mail = || deliver_again(&site.lab, 0, &sender);
    let counted = |scrape: &Scrape| tally(scrape, "smtp", &[]).connections;

    daemon.wait_for_log("cannot read", PATIENCE).unwrap();
    let first = expiry(&daemon.scrape().unwrap());
    assert!((now() - 3.0..=now() + 3.0).contains(&first), "{first}");
    assert_kernel_follows(&daemon);
    assert_eq!(times(&daemon, ": lease: "), 1, "the summary");
    assert_eq!(times(&daemon, "the ranges of the source are trusted"), 0);
    mail();
    daemon.wait_for_log(ENDED, Duration::from_secs(6)).unwrap();
    assert!(now() >= first, "it ran out early");

    // During some rounds of the daemon, nothing extends the lease, and the daemon does not log its end again.
    for _ in 0..5 {
        assert_kernel_has_ended(&daemon);
        assert!((expiry(&daemon.scrape().unwrap()) - first).abs() < 0.5);
        thread::sleep(Duration::from_millis(500));
    }
    mail();
    assert_eq!(counted(&daemon.scrape().unwrap()), 2, "counting goes on, and mail is delivered");
    assert_eq!(times(&daemon, ENDED), 1);

    fs::rename(directory.file("away"), directory.file("list")).unwrap();
    daemon.signal(Signal::SIGHUP).unwrap();
    let scrape = wait_until(&daemon, "a later end", |scrape| expiry(scrape) > first);
    assert!(expiry(&scrape) <= now() + 3.0);
    assert_kernel_follows(&daemon);
    assert_eq!(times(&daemon, "the ranges of the source are trusted"), 1);
    mail();
    assert_eq!(counted(&daemon.scrape().unwrap()), 3);
    daemon.stop().unwrap();
}

/// Each successful reading extends the lease, whatever the list contains. A failed reading does not.
#[test]
fn a_lease_goes_on_with_readings_and_not_with_failures() {
    require!(Root, Tool("ip"), Tool("bpftool"), Daemon);
    let site = Site::new();
    site.serves("/doc", "public-2026-cn398.json");
    let options = site.options(&[&site.source("/doc")]);
    let daemon = site.start(&options.clone().args(["--lease", "5s"]));
    let mut ends = vec![0.0];
    for _ in 0..3 {
        let last = ends[ends.len() - 1];
        ends.push(expiry(&wait_until(&daemon, "another end", |scrape| expiry(scrape) > last)));
        assert_kernel_follows(&daemon);
    }
    site.server.route("/doc", iter::once(d365_tests::https::Answer::status(503)));
    daemon.wait_for_log("status 503", PATIENCE).unwrap();
    // Readings follow one after the other, so no successful one comes after the failed one.
    let last = expiry(&daemon.scrape().unwrap());
    daemon.wait_for_line(&[ENDED, &field(last)], PATIENCE).unwrap();
    assert!(now() >= last, "it ran out early");
    assert!((expiry(&daemon.scrape().unwrap()) - last).abs() < 0.5);
    assert_kernel_has_ended(&daemon);
    // A restart is not a confirmation, and it does not lose one.
    daemon.stop().unwrap();
    let daemon = site.start(&options.args(["--lease", "1h"]));
    assert!((expiry(&daemon.scrape().unwrap()) - (last - 5.0 + 3600.0)).abs() < 0.5);
    assert_kernel_follows(&daemon);
    daemon.stop().unwrap();
}

/// The kernel of a suspended host counts no ticks, so its lease lasts too long. The daemon therefore sets the
/// lease again each minute.
#[test]
fn the_kernel_is_told_again_each_minute() {
    require!(Root, Tool("ip"), Tool("bpftool"), Daemon);
    let site = Site::new();
    let directory = TempDir::new("list");
    fs::write(directory.file("list"), LIST).unwrap();
    let source = format!("file:{}", directory.file("list").display());
    let daemon = site.start(&site.options(&[&source]).args(["--lease", "1h"]));
    assert_kernel_follows(&daemon);
    let until = expiry(&daemon.scrape().unwrap());
    let far = (kernel_tick(&daemon) * 2).to_ne_bytes().map(|byte| byte.to_string());
    let far: Vec<String> = far.iter().cycle().take(LEASES * 8).cloned().collect();
    let mut update = vec!["map", "update", "id"];
    let id = lease_map(&daemon);
    update.extend([&id, "key", "0", "0", "0", "0", "value"]);
    update.extend(far.iter().map(String::as_str));
    assert!(Command::new("bpftool").args(&update).status().unwrap().success());
    assert!(kernel_left(&daemon) > 3700.0, "longer than it may");
    let minute = (0..140).any(|_| {
        thread::sleep(Duration::from_millis(500));
        kernel_left(&daemon) <= 3600.0
    });
    assert!(minute, "{} s are left", kernel_left(&daemon));
    assert!((expiry(&daemon.scrape().unwrap()) - until).abs() < 0.5, "by no reading");
    assert_kernel_follows(&daemon);
    daemon.stop().unwrap();
}

/// A reading that confirms a list which the kernel rejected does not renew the lease of the published one.
#[test]
fn a_list_that_the_kernel_refuses_renews_nothing() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let directory = TempDir::new("list");
    let replace = |text: &str| {
        fs::write(directory.file("new"), text).unwrap();
        fs::rename(directory.file("new"), directory.file("list")).unwrap();
    };
    replace(LIST);
    let source = format!("file:{}", directory.file("list").display());
    let faults = Faults::new();
    let options = site.options(&[&source]).args(["--lease", "1h"]).faults_by(&faults);
    let daemon = site.start(&options);
    let first = expiry(&daemon.scrape().unwrap());
    let succeeded =
        |scrape: &Scrape| scrape.value("d365_source_last_success_timestamp_seconds", &[]) + 3600.0;
    faults.fail_all(command::MAP_CREATE, Errno::ENOMEM);
    replace(&format!("{LIST}11.0.1.0/24,NAM\n"));
    let refused = |scrape: &Scrape| scrape.sum("d365_updates_refused_total", &[("reason", "kernel")]);
    wait_until(&daemon, "a refusal", |scrape| refused(scrape) > 0);
    daemon.signal(Signal::SIGHUP).unwrap();
    let scrape = wait_until(&daemon, "another reading", |scrape| succeeded(scrape) > first + 0.5);
    assert!((expiry(&scrape) - first).abs() < 0.5, "{} instead of {first}", expiry(&scrape));
    assert_eq!(ranges(&scrape), 1);
    faults.heal();
    let scrape = wait_until(&daemon, "the new list", |scrape| ranges(scrape) == 2);
    assert!((expiry(&scrape) - succeeded(&scrape)).abs() < 0.5);
    daemon.stop().unwrap();
}

#[test]
fn a_lease_without_an_end_is_warned_of_once() {
    require!(Root, Tool("ip"), Tool("bpftool"), Daemon);
    let site = Site::new();
    let daemon = site.start(&site.options(&["embedded"]).args(["--lease", "never"]));
    assert!(expiry(&daemon.scrape().unwrap()).is_infinite());
    assert_eq!(kernel_tick(&daemon), u64::MAX);
    daemon.wait_for_log("lease: without an end source=embedded", Duration::from_secs(5)).unwrap();
    daemon.signal(Signal::SIGHUP).unwrap();
    thread::sleep(Duration::from_millis(1500));
    assert_eq!(times(&daemon, "--lease never"), 1);
    assert_eq!(times(&daemon, "lease ended"), 0);
    daemon.stop().unwrap();
}

/// The embedded list is confirmed as of its date, so an old program's list is not trusted.
#[test]
fn the_embedded_list_alone_is_trusted_from_its_date_on() {
    require!(Root, Tool("ip"), Tool("bpftool"), Daemon);
    let site = Site::new();
    let daemon = site.start(&site.options(&["embedded"]));
    assert!((expiry(&daemon.scrape().unwrap()) - EMBEDDED_UNTIL).abs() < 0.5);
    let said = if now() > EMBEDDED_UNTIL { "ended" } else { "trusted" };
    let line = format!("lease: {said} source=embedded until=2026-08-17T00:00:00Z");
    daemon.wait_for_log(&line, Duration::from_secs(5)).unwrap();
    assert_eq!(times(&daemon, ENDED), usize::from(now() > EMBEDDED_UNTIL));
    assert_kernel_follows(&daemon);
    daemon.stop().unwrap();
}
