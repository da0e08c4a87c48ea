//! A kernel that rejects the next generation again and again: after each failure the program still uses the
//! published one. `every_call` lets each single call of an update fail.

use std::{thread, time::Duration};

use d365_common::direct::FIRST_PAGE;
use d365_tests::{
    require,
    scrape::Scrape,
    seccomp::{Faults, command},
};
use nix::errno::Errno;

use super::{
    super::site::{Site, wait_until},
    Counted, Watched,
};
use crate::steps::{ListFile, lines};

/// A daemon with a list in a file, and the faults that the test injects into its `bpf` calls.
struct Refusing<'a> {
    watched: Watched<'a>,
    list: ListFile,
    faults: Faults,
    /// Number of IPv4 ranges in the newest list. The list has one IPv6 range too.
    count: u32,
}

/// Pages of each list's direct table: the first pages, one for its block of IPv4, and two for its /48.
const PAGES: u32 = FIRST_PAGE + 3;

fn text(count: u32) -> String {
    lines(0..count, "NAM") + "2a01:111:f400::/48\n"
}

impl<'a> Refusing<'a> {
    fn start(site: &'a Site) -> Self {
        let (list, faults, count) = (ListFile::new(text(3)), Faults::new(), 3);
        let options = site.options(&[&list.source]).faults_by(&faults);
        Self { watched: Watched::start(site, &options, 4), list, faults, count }
    }

    /// Makes the daemon read a list with one more range.
    fn grows(&mut self) {
        self.count += 1;
        self.list.replace(text(self.count));
        self.watched.reads_now();
    }

    fn is_refused(&mut self, says: &str) {
        self.count += 1;
        let grow = || {
            self.list.replace(text(self.count));
            self.watched.reads_now();
        };
        self.watched.fails(Counted::Refused("kernel"), says, grow);
        let log = self.watched.daemon.log();
        let line = log.lines().rfind(|line| line.contains(says)).unwrap();
        assert!(
            line.contains("the new list is not published; the published one stays")
                && line.contains(" next_try="),
            "{line}"
        );
    }

    fn is_published(&mut self) {
        self.watched.takes(u64::from(self.count) + 1);
    }
}

#[test]
fn the_published_generation_stays_as_long_as_the_kernel_refuses_the_next() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let mut refusing = Refusing::start(&site);

    // The kernel cannot create the second inner map, and no event announces the end of that. The daemon tries
    // again at growing intervals.
    (1..=100).for_each(|attempt| refusing.faults.fail(command::MAP_CREATE, 2 * attempt, Errno::ENOMEM));
    let term = 14.0 * 86_400.0;
    let expiry = |scrape: &Scrape| scrape.value("d365_lease_expiry_timestamp_seconds", &[]);
    let confirmed = |scrape: &Scrape| scrape.value("d365_source_last_success_timestamp_seconds", &[]) + term;
    let first = expiry(&refusing.watched.daemon.scrape().unwrap());
    refusing.is_refused("cannot create a trie of 1 entries for TRIES_V6: ");
    let refused = || Counted::Refused("kernel").of(&refusing.watched.daemon.scrape().unwrap());
    let before = refused();
    thread::sleep(Duration::from_secs(5));
    // One more attempt follows when the file has settled. From 2 s on, attempts follow each other after 1 to
    // 4 s.
    let attempts = refused() - before;
    assert!((1..=4).contains(&attempts), "{attempts} attempts in 5 s");
    assert!(refusing.watched.daemon.log().contains("Cannot allocate memory"));
    // A reading that confirms the rejected list does not renew the lease of the published one.
    refusing.watched.reads_now();
    let is_later = |scrape: &Scrape| confirmed(scrape) > first + 0.5;
    let scrape = wait_until(&refusing.watched.daemon, "another reading", is_later);
    assert!((expiry(&scrape) - first).abs() < 0.5, "{} instead of {first}", expiry(&scrape));
    refusing.watched.goes_on();
    refusing.faults.heal();
    refusing.is_published();
    let scrape = refusing.watched.daemon.scrape().unwrap();
    assert!((expiry(&scrape) - confirmed(&scrape)).abs() < 0.5);

    // Without answers from the kernel, nothing can be verified and no lease can be set. The previous lease
    // continues.
    for (errno, expected) in
        [(Errno::EPERM, "Operation not permitted"), (Errno::ENOMEM, "Cannot allocate memory")]
    {
        let mark = refusing.watched.daemon.log().len();
        refusing.faults.fail_all(command::PROG_TEST_RUN, errno);
        // The daemon reads the same list again, in another second, so it only has to set the lease.
        thread::sleep(Duration::from_millis(1100));
        refusing.watched.reads_now();
        refusing.watched.says(mark, "cannot set the leases");
        thread::sleep(Duration::from_secs(3));
        refusing.is_refused("cannot ask the kernel program d365_prove: ");
        let log = refusing.watched.daemon.log();
        let lines = log.lines().rev().take_while(|line| !line.contains("the leases are set again"));
        let stuck: Vec<_> = lines.filter(|line| line.contains("cannot set the leases")).collect();
        assert!(stuck.len() == 1 && stuck[0].contains(expected), "{log}");
        refusing.watched.goes_on();
        refusing.faults.heal();
        refusing.is_published();
        refusing.watched.says(mark, "the leases are set again");
    }
    // The call fails in the middle of a verification.
    refusing.faults.fail(command::PROG_TEST_RUN, 7, Errno::EINTR);
    refusing.grows();
    refusing.is_published();

    // The kernel cannot free the old tries. The daemon still publishes the new list, and the next one too.
    // For n ranges of IPv4, a list needs these updates: the owner of the new range's slot, n entries, one
    // entry of IPv6, the two inner maps, the table, `PROVEN`, `ACTIVE`.
    let behind_active = usize::try_from(refusing.count + 1 + PAGES).unwrap() + 7;
    refusing.faults.fail(command::MAP_UPDATE_ELEM, behind_active, Errno::ENOMEM);
    refusing.grows();
    refusing.is_published();
    refusing.watched.says(0, "published; the tries of the generation before stay");
    refusing.grows();
    refusing.is_published();
    refusing.watched.stop();
}
