//! A kernel that rejects the next generation at one of its steps: the tries, each entry, the buffer, the
//! verification, and the one store that publishes. After a failure of any step, the program still uses the
//! previous generation.

use std::{fs, thread, time::Duration};

use d365_common::direct::FIRST_PAGE;
use d365_tests::{
    require,
    seccomp::{Faults, command},
    temp::TempDir,
};
use nix::{errno::Errno, sys::signal::Signal};

use super::{super::site::Site, Counted, Watched, prefixes};

/// A daemon with a list in a file, and the faults that the test injects into its `bpf` calls.
struct Refusing<'a> {
    watched: Watched<'a>,
    directory: TempDir,
    faults: Faults,
    /// Number of IPv4 ranges in the newest list. The list has one IPv6 range too.
    count: u64,
}

/// A fault: in each attempt to publish, the `nth` call of a command fails.
#[derive(Clone, Copy)]
struct Fault {
    command: u32,
    nth: usize,
    errno: Errno,
}

/// Pages of each list's direct table: the first pages, one for its block of IPv4, and two for its /48.
const PAGES: u64 = FIRST_PAGE as u64 + 3;

fn write(directory: &TempDir, count: u64) {
    let list = prefixes(count).join("\n") + "\n2a01:111:f400::/48\n";
    fs::write(directory.file("new"), list).unwrap();
    fs::rename(directory.file("new"), directory.file("list")).unwrap();
}

impl<'a> Refusing<'a> {
    fn start(site: &'a Site) -> Self {
        let (directory, faults, count) = (TempDir::new("list"), Faults::new(), 3);
        write(&directory, count);
        let source = format!("file:{}", directory.file("list").display());
        let options = site.options(&[&source]).faults_by(&faults);
        Self { watched: Watched::start(site, &options, count + 1), directory, faults, count }
    }

    /// Makes the daemon read a list with one more range.
    fn grows(&mut self) {
        self.count += 1;
        write(&self.directory, self.count);
        self.watched.reads_now();
    }

    /// Asserts that the next list is refused for as long as this call fails, and is published by a later
    /// attempt.
    fn is_refused_at(&mut self, fault: Fault, says: &str) {
        // Each attempt ends with its `nth` call, so the count of the next attempt begins there.
        (1..=100).for_each(|attempt| self.faults.fail(fault.command, attempt * fault.nth, fault.errno));
        self.is_refused(says);
        self.heals();
    }

    /// Removes the faults. The next reading retries the refused list.
    fn heals(&mut self) {
        self.faults.heal();
        self.watched.reads_now();
        self.watched.takes(self.count + 1);
    }

    fn is_refused(&mut self, says: &str) {
        self.count += 1;
        write(&self.directory, self.count);
        self.watched.fails(Counted::Refused("kernel"), says, || self.watched.reads_now());
        let log = self.watched.daemon.log();
        let line = log.lines().rfind(|line| line.contains(says)).unwrap();
        assert!(
            line.contains("the new list is not published; the published one stays")
                && line.contains(" next_try="),
            "{line}"
        );
    }
}

/// The kernel cannot create the second inner map, and no event announces the end of that. The daemon tries
/// again at growing intervals.
#[test]
fn no_memory_for_the_second_inner_map() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let mut refusing = Refusing::start(&site);
    (1..=100).for_each(|attempt| refusing.faults.fail(command::MAP_CREATE, 2 * attempt, Errno::ENOMEM));
    refusing.is_refused("cannot create a trie of 1 entries for TRIES_V6: ");
    let refused = || Counted::Refused("kernel").of(&refusing.watched.daemon.scrape().unwrap());
    let before = refused();
    thread::sleep(Duration::from_secs(5));
    // One more attempt follows when the file has settled. From 2 s on, attempts follow each other after 1 to
    // 4 s.
    let attempts = refused() - before;
    assert!((1..=4).contains(&attempts), "{attempts} attempts in 5 s");
    assert!(refusing.watched.daemon.log().contains("Cannot allocate memory"));
    refusing.watched.goes_on();
    refusing.faults.heal();
    refusing.watched.takes(refusing.count + 1);
    refusing.watched.stop();
}

#[test]
fn whichever_call_fails_the_generation_before_stays() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let mut refusing = Refusing::start(&site);
    let create = |nth, errno| Fault { command: command::MAP_CREATE, nth, errno };
    refusing.is_refused_at(create(1, Errno::ENOMEM), "entries for TRIES_V4: ");
    refusing.is_refused_at(create(2, Errno::E2BIG), "entries for TRIES_V6: ");
    refusing.faults.fail_all(command::MAP_CREATE, Errno::EPERM);
    refusing.is_refused("Operation not permitted");
    refusing.heals();
    // For n ranges of IPv4, the next list needs these updates: n entries, one entry of IPv6, the two inner
    // maps, the table, `PROVEN`, `ACTIVE`.
    let update = |nth: u64| Fault {
        command: command::MAP_UPDATE_ELEM,
        nth: usize::try_from(nth).unwrap(),
        errno: Errno::ENOMEM,
    };
    refusing.is_refused_at(update(1), "cannot put 11.0.0.0/24 into TRIES_V4: ");
    refusing.is_refused_at(update(3), "cannot put 11.0.2.0/24 into TRIES_V4: ");
    let steps = [
        "cannot put 2a01:111:f400::/48 into TRIES_V6: ",
        "of TRIES_V",
        "of TRIES_V",
        "cannot put page 0 into TABLES: ",
    ];
    for (step, says) in (1..).zip(steps) {
        let ranges = refusing.count + 1;
        refusing.is_refused_at(update(ranges + step), says);
    }
    for (step, says) in (4..).zip(["cannot use map PROVEN: ", "of ACTIVE: "]) {
        let ranges = refusing.count + 1;
        refusing.is_refused_at(update(ranges + PAGES + step), says);
    }
    refusing.watched.stop();
}

/// The kernel cannot free the old tries. The daemon still publishes the new list, and the next one too.
#[test]
fn tries_that_stay_in_their_place_hinder_nothing() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let mut refusing = Refusing::start(&site);
    let behind_active = usize::try_from(refusing.count + 1 + PAGES).unwrap() + 6;
    refusing.faults.fail(command::MAP_UPDATE_ELEM, behind_active, Errno::ENOMEM);
    refusing.grows();
    refusing.watched.takes(refusing.count + 1);
    refusing.watched.says(0, "published; the tries of the generation before stay buffer=");
    refusing.grows();
    refusing.watched.takes(refusing.count + 1);
    refusing.watched.stop();
}

/// Without answers from the kernel, nothing can be verified and no lease can be set. The previous lease
/// continues.
#[test]
fn a_kernel_that_does_not_answer_proves_nothing() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let mut refusing = Refusing::start(&site);
    for (errno, said) in
        [(Errno::EPERM, "Operation not permitted"), (Errno::ENOMEM, "Cannot allocate memory")]
    {
        refusing.faults.fail_all(command::PROG_TEST_RUN, errno);
        // The daemon reads the same list again, in another second, so it only has to set the lease.
        thread::sleep(Duration::from_millis(1100));
        refusing.watched.daemon.signal(Signal::SIGHUP).unwrap();
        refusing.watched.says(0, "cannot set the leases");
        thread::sleep(Duration::from_secs(3));
        refusing.is_refused("cannot ask the kernel program d365_prove: ");
        let log = refusing.watched.daemon.log();
        let lines = log.lines().rev().take_while(|line| !line.contains("the leases are set again"));
        let stuck: Vec<_> = lines.filter(|line| line.contains("cannot set the leases")).collect();
        assert!(stuck.len() == 1 && stuck[0].contains(said), "{log}");
        refusing.watched.goes_on();
        refusing.faults.heal();
        refusing.watched.takes(refusing.count + 1);
        refusing.watched.says(0, "the leases are set again");
    }
    // The call fails in the middle of a verification.
    refusing.faults.fail(command::PROG_TEST_RUN, 7, Errno::EINTR);
    refusing.grows();
    refusing.watched.takes(refusing.count + 1);
    refusing.watched.stop();
}
