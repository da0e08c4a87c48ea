//! The time until which a source's ranges are trusted: in the metrics, in the log, and in the kernel.
//! Counting and passing continue after it.

use std::{
    fs, thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aya::maps::{Array, Map, MapData, MapInfo};
use d365_common::{lease::LEASES, names};
use d365_tests::{daemon::Daemon, https::Answer, require, scrape::Scrape};
use nix::{
    sys::signal::Signal,
    time::{ClockId, clock_getres},
};

use super::site::{PATIENCE, Site, failures, wait_until};
use crate::{
    mail::{deliver_again, listen, tally},
    steps::{ListFile, lines},
};

/// A busy machine counts ticks late, and one tick is lost by rounding.
const TICKS: f64 = 0.1;
/// 2026-08-03T00:00:00Z, the embedded list's date, and 14 days.
pub(super) const EMBEDDED_UNTIL: f64 = 1_785_715_200.0 + 14.0 * 86_400.0;

/// The message at the end of a lease.
const ENDED: &str = "the lease ended: ";

fn expiry(scrape: &Scrape) -> f64 {
    scrape.value("d365_lease_expiry_timestamp_seconds", &[])
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

fn times(daemon: &Daemon, text: &str) -> usize {
    daemon.log().matches(text).count()
}

/// The daemon's own map `LEASE`.
fn leases(daemon: &Daemon) -> Array<MapData, [u64; LEASES]> {
    let descriptors = fs::read_dir(format!("/proc/{}/fdinfo", daemon.pid())).unwrap();
    let mut ids = descriptors.filter_map(|descriptor| {
        let text = fs::read_to_string(descriptor.unwrap().path()).ok()?;
        text.lines().find_map(|line| line.strip_prefix("map_id:"))?.trim().parse().ok()
    });
    let is_lease = |id: &u32| MapInfo::from_id(*id).is_ok_and(|map| map.name_as_str() == Some(names::LEASE));
    let id = ids.find(is_lease).expect("a map of the leases");
    Map::from_map_data(MapData::from_id(id).unwrap()).unwrap().try_into().unwrap()
}

/// The tick at which the first lease in the map ends. The only set of sources has the first number.
fn kernel_tick(daemon: &Daemon) -> u64 {
    leases(daemon).get(&0, 0).unwrap()[0]
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

/// The field with the end of a lease.
fn field(until: f64) -> String {
    let end = UNIX_EPOCH + Duration::from_secs_f64(until);
    format!(" until={}", humantime::format_rfc3339_seconds(end))
}

/// Each successful reading extends the lease, whatever the list contains. A failed reading does not.
#[test]
fn a_lease_goes_on_with_readings_and_runs_out_without_them() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let document = || site.serves("/doc", "public-2026-cn398.json");
    document();
    let sender = ["13.71.171.9".parse().unwrap()];
    site.lab.add_source(sender[0]).unwrap();
    let _listener = listen(&site.lab);
    let options = site.options(&[&site.source("/doc")]);
    let daemon = site.start(&options.clone().args(["--lease", "5s"]));
    let mail = || {
        deliver_again(&site.lab, 0, &sender);
        tally(&daemon.scrape().unwrap(), "smtp", &[]).connections
    };
    let fail = || {
        let failed = |scrape: &Scrape| failures(scrape, "status");
        let before = failed(&daemon.scrape().unwrap());
        site.server.route("/doc", [Answer::status(503)]);
        // Readings follow one after the other, so no successful one comes after the failed one.
        expiry(&wait_until(&daemon, "a failure", |scrape| failed(scrape) > before))
    };

    assert_eq!(times(&daemon, "the ranges of the source are trusted"), 0);
    let mut last = 0.0;
    for _ in 0..3 {
        last = expiry(&wait_until(&daemon, "another end", |scrape| expiry(scrape) > last));
        assert_kernel_follows(&daemon);
    }
    assert_eq!(times(&daemon, ": lease: "), 1, "the summary");
    let last = fail();
    assert!((now() - 5.0..=now() + 5.0).contains(&last), "{last}");
    assert_eq!(mail(), 1);
    daemon.wait_for_line(&[ENDED, &field(last)], PATIENCE).unwrap();
    assert!(now() >= last, "it ran out early");

    // During some rounds of the daemon, nothing extends the lease, and the daemon does not log its end again.
    for _ in 0..5 {
        let left = kernel_left(&daemon);
        assert!(left < TICKS, "{left} s are left; log:\n{}", daemon.log());
        assert!((expiry(&daemon.scrape().unwrap()) - last).abs() < 0.5);
        thread::sleep(Duration::from_millis(500));
    }
    assert_eq!(mail(), 2, "mail is still counted, and delivered");
    let log = daemon.log();
    let ended = log.lines().filter(|line| line.contains(ENDED) && line.contains(&field(last)));
    assert_eq!(ended.count(), 1, "{log}");

    let trusted = times(&daemon, "its ranges are trusted until");
    document();
    daemon.signal(Signal::SIGHUP).unwrap();
    let scrape = wait_until(&daemon, "a later end", |scrape| expiry(scrape) > last);
    assert!(expiry(&scrape) <= now() + 5.0);
    assert_kernel_follows(&daemon);
    assert_eq!(times(&daemon, "the ranges of the source are trusted"), trusted + 1);
    assert_eq!(mail(), 3);

    // A restart is not a confirmation, and it does not lose one.
    let last = fail();
    daemon.stop().unwrap();
    let daemon = site.start(&options.args(["--lease", "1h"]));
    assert!((expiry(&daemon.scrape().unwrap()) - (last - 5.0 + 3600.0)).abs() < 0.5);
    assert_kernel_follows(&daemon);
    daemon.stop().unwrap();
}

/// The kernel of a suspended host counts no ticks, so its lease lasts too long. The daemon therefore sets the
/// lease again each minute.
#[test]
fn the_lease_is_set_again_each_minute() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let list = ListFile::new(lines(0..1, "NAM"));
    let daemon = site.start(&site.options(&[&list.source]).args(["--lease", "1h"]));
    assert_kernel_follows(&daemon);
    let until = expiry(&daemon.scrape().unwrap());
    leases(&daemon).set(0, [kernel_tick(&daemon) * 2; LEASES], 0).unwrap();
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

/// The embedded list is confirmed as of its date, so an old program's list is not trusted.
#[test]
fn the_embedded_list_alone_is_trusted_from_its_date_on_unless_the_lease_has_no_end() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let options = site.options(&["embedded"]);
    let daemon = site.start(&options);
    assert!((expiry(&daemon.scrape().unwrap()) - EMBEDDED_UNTIL).abs() < 0.5);
    let has_ended = now() > EMBEDDED_UNTIL;
    let state = if has_ended { "ended" } else { "trusted" };
    let line = format!("lease: {state} source=embedded until=2026-08-17T00:00:00Z");
    daemon.wait_for_log(&line, Duration::from_secs(5)).unwrap();
    assert_eq!(times(&daemon, ENDED), usize::from(has_ended));
    assert_kernel_follows(&daemon);
    daemon.stop().unwrap();

    let daemon = site.start(&options.args(["--lease", "never"]));
    assert!(expiry(&daemon.scrape().unwrap()).is_infinite());
    assert_eq!(kernel_tick(&daemon), u64::MAX);
    daemon.wait_for_log("lease: without an end source=embedded", Duration::from_secs(5)).unwrap();
    daemon.signal(Signal::SIGHUP).unwrap();
    thread::sleep(Duration::from_millis(1500));
    assert_eq!([times(&daemon, "--lease never"), times(&daemon, ENDED)], [1, 0]);
    daemon.stop().unwrap();
}
