//! Tests of all sources with given readings: comparisons, confirmations, and changes that wait.

use std::time::Duration;

use super::{
    super::clock::{Clock, Sample},
    *,
};
use crate::{
    ranges::Policy,
    source::{self, Cloud, List, ListEntry},
};

/// 2026-11-01T00:00:00Z, after the date of the embedded list.
const NOW: Timestamp = Timestamp(1_793_491_200);
/// 2026-08-03T00:00:00Z, the date of the embedded list.
const MADE: Timestamp = Timestamp(1_785_715_200);
const AZURE: Spec = Spec::Azure(Cloud::Public);

mod kept;
mod room;

fn hours(hours: u64) -> Timestamp {
    NOW.after(Duration::from_hours(hours))
}

fn file() -> Spec {
    Spec::File("/list".into())
}

fn url() -> Spec {
    "url:https://mirror.example/list".parse().unwrap()
}

fn embedded() -> RangeSet {
    RangeSet::build(&[source::load(&Spec::Embedded).unwrap()], &Policy::default()).unwrap()
}

fn sources(specs: &[Spec], gates: Gates) -> Sources {
    Sources::new(specs, gates, GatePolicy::default(), embedded(), 64, NOW)
}

/// A reading of a source: the embedded prefixes without the first `without`, and `more` prefixes in
/// 20.0.0.0/16.
fn reading(without: usize, more: u8, date: Option<&str>) -> FetchedList {
    let set = embedded();
    let own = set.ranges().iter().skip(without);
    let own = own.map(|range| (range.prefix, range.region.clone()));
    let more = (0..more).map(|n| (format!("20.0.{n}.0/24").parse().unwrap(), None));
    let entry = |(prefix, region)| ListEntry { prefix, geo: None, region, line: 0 };
    let origin = Origin {
        name: "a list".to_owned(),
        change_number: Some(412),
        tag_change_number: Some(4),
        date: date.map(str::to_owned),
    };
    let list = List { origin, entries: own.chain(more).map(entry).collect(), warnings: Vec::new() };
    FetchedList { set: RangeSet::build(&[list], &Policy::default()).unwrap(), azure: None }
}

/// The time `at` on a machine whose clocks agree.
fn looked(at: Timestamp) -> Now {
    let sample = Sample { boot: Duration::ZERO, wall: Duration::from_secs(at.0) };
    Clock::start(sample, Some(MADE)).look(sample)
}

const fn here(at: Timestamp) -> Option<Stamp> {
    Some(Stamp::ThisRun(at))
}

const fn earlier(at: Timestamp) -> Option<Stamp> {
    Some(Stamp::EarlierRun(at))
}

fn waits(sources: &Sources, change: &str) -> u64 {
    sources.pending().into_iter().find(|(of, _)| *of == change).unwrap().1
}

fn listed(sources: &Sources, now: Timestamp) -> usize {
    sources.set(now).map_or(0, |set| set.ranges().len())
}

/// The sources of the next daemon: the gates go through their saved form.
fn restarted(sources: &Sources, specs: &[Spec]) -> Sources {
    let restore = |(name, gate): (&String, &Gate)| {
        (name.clone(), Gate::restore(GatePolicy::default(), gate.stored()).unwrap())
    };
    self::sources(specs, sources.gates(&looked(NOW)).iter().map(restore).collect())
}

#[test]
fn the_embedded_list_confirms_as_of_its_date_and_a_reading_as_of_now() {
    let mut sources = sources(&[Spec::Embedded, file()], Gates::new());
    assert_eq!(sources.confirmations(), [earlier(MADE), None]);
    sources.offer(1, &reading(39, 2, None), hours(1));
    assert_eq!(sources.confirmations(), [earlier(MADE), here(hours(1))]);
}

/// A source that is not up to date may lack ranges. The embedded list counts only for ranges that it lists
/// alone.
#[test]
fn drops_need_every_source_that_can_change_and_the_embedded_list_where_it_stands_alone() {
    let mut sources = sources(&[Spec::Embedded, url(), file()], Gates::new());
    let needed = |sources: &Sources| sources.needed(Some(&sources.set(NOW).unwrap()));
    assert_eq!((sources.needed(None), needed(&sources)), (vec![0, 1, 2], vec![0, 1, 2]));
    sources.offer(1, &reading(1, 0, None), NOW);
    assert_eq!(needed(&sources), [0, 1, 2], "one range is the embedded list's alone");
    sources.offer(2, &reading(0, 0, None), NOW);
    assert_eq!(needed(&sources), [1, 2]);
}

#[test]
fn neither_a_kept_list_nor_a_failure_nor_a_list_that_is_held_whole_confirms() {
    let mut sources = sources(&[AZURE, file()], Gates::new());
    let none = || vec![None, None];
    assert_eq!(sources.confirmations(), none());
    sources.restore(0, Some(&reading(0, 0, None)));
    assert_eq!((sources.confirmations(), listed(&sources, NOW)), (none(), 39));
    sources.offer(0, &reading(20, 0, None), NOW);
    assert_eq!((sources.confirmations(), waits(&sources, "shrink")), (none(), 20));
    let problem = RangeError::Empty;
    sources.failed(1, &Failure::Ranges { list: "file".to_owned(), problem: Box::new(problem) });
    assert_eq!(sources.confirmations(), none());
    let statuses = sources.statuses(&looked(NOW), &[]);
    assert_eq!(statuses[0].last_success, Some(NOW.0), "it gave a good list all the same");
    assert_eq!(statuses[1].last_success, None);
    assert_eq!(statuses[1].failures.iter().map(|(_, count)| count).sum::<u64>(), 1);
    sources.offer(0, &reading(0, 0, None), hours(1));
    assert_eq!(sources.confirmations(), [here(hours(1)), None]);
    let again = restarted(&sources, &[AZURE, file()]);
    assert_eq!(
        again.confirmations(),
        [earlier(hours(1)), None],
        "a restart is no confirmation, and loses none"
    );
}

#[test]
fn a_file_that_fails_again_in_the_same_way_is_logged_once() {
    let mut sources = sources(&[file(), url()], Gates::new());
    let failure = |problem| Failure::Ranges { list: "a list".to_owned(), problem: Box::new(problem) };
    let (empty, long) = (failure(RangeError::Empty), failure(RangeError::TooMany { count: 65, limit: 64 }));
    for (failure, is_news) in [(&empty, true), (&empty, false), (&long, true), (&long, false), (&empty, true)]
    {
        assert_eq!(sources.failed(0, failure), is_news, "{failure}");
    }
    assert_eq!((sources.recovers(0), sources.recovers(0)), (true, false));
    assert!(sources.failed(0, &empty), "after it was read");
    assert_eq!([1, 1].map(|at| sources.failed(at, &empty)), [true; 2], "a download names its next try");
    assert!(!sources.recovers(1));
    let counts = sources
        .statuses(&looked(NOW), &[])
        .into_iter()
        .map(|status| status.failures.iter().map(|(_, count)| count).sum::<u64>());
    assert_eq!(counts.collect::<Vec<_>>(), [6, 2], "each is counted");
}

/// A clock 60 days ahead saved the confirmation, and the right clock reads it. It counts from now on, and is
/// lowered once.
#[test]
fn a_confirmation_of_the_future_is_lowered_once_and_written_so() {
    let mut ahead = sources(&[url()], Gates::new());
    ahead.offer(0, &reading(0, 0, None), hours(60 * 24));
    let mut again = restarted(&ahead, &[url()]);
    assert_eq!(again.lower_future(&looked(hours(1))), [url().to_string()]);
    assert_eq!(again.confirmations(), [earlier(hours(1))]);
    assert_eq!(again.statuses(&looked(hours(1)), &[])[0].last_success, Some(hours(1).0));
    assert!(again.lower_future(&looked(hours(2))).is_empty());
    let mut third = restarted(&again, &[url()]);
    assert!(third.lower_future(&looked(hours(3))).is_empty(), "it was written so");
    assert_eq!(third.confirmations(), [earlier(hours(1))]);
    third.offer(0, &reading(0, 0, None), hours(60 * 24));
    assert!(third.lower_future(&looked(hours(4))).is_empty(), "a reading of this run is of run time");
}

#[test]
fn a_clock_that_cannot_be_right_lowers_nothing() {
    let mut before = sources(&[url()], Gates::new());
    before.offer(0, &reading(0, 0, None), NOW);
    let mut again = restarted(&before, &[url()]);
    assert!(again.lower_future(&looked(Timestamp(100))).is_empty());
    assert_eq!(again.confirmations(), [earlier(NOW)]);
}

/// Run time is this run's own. A time is saved as the wall clock has it, and a time that an earlier run saved
/// stays.
#[test]
fn moments_are_written_as_the_wall_clock_has_them() {
    let mut sources = sources(&[url(), file()], Gates::new());
    (0..2).for_each(|at| drop(sources.offer(at, &reading(0, 0, None), NOW)));
    let mut sources = restarted(&sources, &[url(), file()]);
    sources.offer(1, &reading(0, 0, None), hours(1));
    let sample = |wall: Timestamp| Sample { boot: Duration::ZERO, wall: Duration::from_secs(wall.0) };
    let mut clock = Clock::start(sample(hours(1)), Some(MADE));
    let written = sources.gates(&clock.look(sample(hours(25))));
    let confirmed = |spec: Spec| written[&spec.to_string()].confirmed();
    assert_eq!([confirmed(url()), confirmed(file())], [Some(NOW), Some(hours(25))]);
    let shown = sources.statuses(&clock.look(sample(hours(25))), &[]);
    assert_eq!(
        shown.iter().map(|status| status.last_success).collect::<Vec<_>>(),
        [Some(NOW.0), Some(hours(25).0)]
    );
}

#[test]
fn without_anything_kept_the_first_list_is_the_baseline() {
    let mut sources = sources(&[AZURE], Gates::new());
    assert_eq!(sources.restore(0, None), 0);
    assert!(matches!(sources.set(NOW), Err(RangeError::Empty)));
    sources.offer(0, &reading(30, 1, None), NOW);
    assert_eq!((listed(&sources, NOW), waits(&sources, "addition")), (10, 0));
}

#[test]
fn a_source_that_is_not_named_any_more_is_forgotten() {
    let mut before = sources(&[url(), file()], Gates::new());
    (0..2).for_each(|at| drop(before.offer(at, &reading(0, 0, None), NOW)));
    let again = restarted(&before, &[file()]);
    assert_eq!(again.gates(&looked(NOW)).keys().collect::<Vec<_>>(), ["file:/list"]);
    assert_eq!(listed(&again, NOW), 39);
}

/// The embedded list is an earlier state of the same tag.
#[test]
fn beside_the_embedded_list_the_first_download_is_compared_with_it() {
    let specs = [Spec::Embedded, AZURE, Spec::Azure(Cloud::Government)];
    let mut sources = sources(&specs, Gates::new());
    (1..3).for_each(|at| assert_eq!(sources.restore(at, None), 0));
    assert!(!sources.gates(&looked(NOW)).contains_key(sources.name(2)), "another cloud's tag");
    sources.offer(1, &reading(1, 2, None), NOW);
    assert_eq!((waits(&sources, "addition"), waits(&sources, "removal")), (2, 1));
    assert_eq!((listed(&sources, NOW), sources.confirmations()[1]), (39, here(NOW)));
    assert_eq!(sources.confirmation_due(1), Some(Duration::from_hours(1)));
    sources.offer(1, &reading(1, 2, None), hours(1));
    assert_eq!((listed(&sources, NOW), sources.confirmation_due(1)), (41, None));
}

#[test]
fn what_waits_is_the_sum_over_all_sources_each_reason_once() {
    let mut sources = sources(&[url(), AZURE, file()], Gates::new());
    let all = |sources: &Sources| sources.pending().iter().map(|(change, _)| *change).collect::<Vec<_>>();
    assert_eq!(all(&sources), Change::ALL.map(|(_, word)| word));
    for at in [0, 1, 2] {
        sources.offer(at, &reading(0, 0, Some("2026-09-07")), NOW);
        sources.offer(at, &reading(at, 3, Some("2026-09-14")), hours(1));
    }
    assert_eq!(all(&sources), Change::ALL.map(|(_, word)| word));
    assert_eq!(waits(&sources, "addition"), 6, "a file's are used at once");
    assert_eq!(waits(&sources, "removal"), 3);
    assert_eq!(listed(&sources, NOW), 42);
}

/// The file's contents are not known for the time without a daemon: its hold continues only once it is read
/// again.
#[test]
fn no_hold_passes_before_the_file_was_read_again() {
    let removed = |sources: &Sources, now| sources.set(now).unwrap().retired().len();
    let mut before = sources(&[file()], Gates::new());
    before.offer(0, &reading(0, 0, None), NOW);
    before.offer(0, &reading(1, 0, None), NOW);
    (1..=71).for_each(|hour| drop(before.tick(hours(hour))));
    assert_eq!((waits(&before, "removal"), removed(&before, hours(71))), (1, 0));

    let mut sources = restarted(&before, &[file()]);
    assert!(sources.is_awaited(0));
    assert!(sources.tick(hours(80)).is_empty());
    assert_eq!((waits(&sources, "removal"), listed(&sources, hours(80))), (1, 39));
    sources.offer(0, &reading(0, 0, None), hours(80));
    sources.tick(hours(200));
    assert_eq!((waits(&sources, "removal"), listed(&sources, hours(200))), (0, 39), "it is back: no removal");

    let mut sources = restarted(&before, &[file()]);
    sources.offer(0, &reading(1, 0, None), hours(80));
    sources.tick(hours(80));
    assert_eq!((waits(&sources, "removal"), removed(&sources, hours(80))), (1, 0), "71 of 72 hours");
    let problem = Box::new(RangeError::Empty);
    sources.failed(0, &Failure::Ranges { list: "file".to_owned(), problem });
    sources.tick(hours(84));
    assert_eq!(waits(&sources, "removal"), 1, "it could not be read");
    sources.offer(0, &reading(1, 0, None), hours(84));
    sources.tick(hours(85));
    assert_eq!((removed(&sources, hours(85)), listed(&sources, hours(85))), (1, 38));
    sources.tick(hours(85 + 24));
    assert_eq!((removed(&sources, hours(109)), listed(&sources, hours(109))), (0, 38));
}

/// The metrics and the summary use these names for the generation's sources.
#[test]
fn a_source_that_has_given_nothing_is_not_named() {
    let names = |sources: &Sources| {
        let set = sources.set(NOW).unwrap();
        set.origins().iter().map(|origin| origin.name.clone()).collect::<Vec<_>>()
    };
    let mut sources = sources(&[Spec::Embedded, AZURE], Gates::new());
    sources.restore(1, None);
    assert_eq!(names(&sources), ["embedded"], "its gate begins with the embedded list");
    // The same holds after a restart without the embedded list as a source.
    assert_eq!(names(&restarted(&sources, &[AZURE])), ["embedded"]);
    sources.offer(1, &reading(0, 0, None), NOW);
    assert_eq!(names(&sources), ["embedded", "a list"]);
    assert_eq!(names(&restarted(&sources, &[AZURE])), ["azure:public"]);
}
