//! Tests of ages with artificial clocks: jumps, stops, and times that earlier runs saved.

use super::*;
use crate::{settings::LeaseTerm, updater::lease};

/// The date of the embedded list.
const LIST: Timestamp = Timestamp(1_785_715_200);
/// A time after that date.
const THEN: u64 = LIST.0 + 100 * DAY;
const DAY: u64 = 86_400;

/// A machine whose clocks are set by hand.
struct Machine {
    boot: Duration,
    wall: Duration,
}

impl Machine {
    fn at(wall: u64) -> Self {
        Self { boot: Duration::from_secs(1000), wall: Duration::from_secs(wall) }
    }

    fn sample(&self) -> Sample {
        Sample { boot: self.boot, wall: self.wall }
    }

    fn start(&self) -> Clock {
        Clock::start(self.sample(), Some(LIST))
    }

    /// Time passes.
    fn pass(&mut self, seconds: u64) {
        self.boot += Duration::from_secs(seconds);
        self.wall += Duration::from_secs(seconds);
    }

    /// The wall clock is set.
    fn set(&mut self, wall: u64) {
        self.wall = Duration::from_secs(wall);
    }
}

fn seconds(age: Option<Duration>) -> Option<u64> {
    age.map(|age| age.as_secs())
}

#[test]
fn run_time_neither_jumps_nor_goes_back() {
    let mut machine = Machine::at(THEN);
    let mut clock = machine.start();
    let mut expected = THEN;
    for set in [THEN + 400 * DAY, 0, THEN, LIST.0, THEN + 30_000 * DAY] {
        machine.set(set);
        machine.pass(7);
        expected += 7;
        assert_eq!(clock.look(machine.sample()).run(), Timestamp(expected), "set to {set}");
    }
}

/// The recorded case: the wall clock is 400 days ahead, then right.
#[test]
fn what_this_run_confirmed_ages_by_no_step_of_the_wall_clock() {
    for wrong in [THEN + 400 * DAY, THEN - 20 * DAY, 0, LIST.0 - 1] {
        let mut machine = Machine::at(wrong);
        let mut clock = machine.start();
        let stamp = Stamp::ThisRun(clock.look(machine.sample()).run());
        machine.pass(5);
        machine.set(THEN);
        let now = clock.look(machine.sample());
        assert_eq!(seconds(now.age(stamp)), Some(5), "{wrong} was wrong");
        assert_eq!(now.shown(stamp), Timestamp(THEN - 5), "shown by the wall clock of now");
        machine.pass(60);
        assert_eq!(seconds(clock.look(machine.sample()).age(stamp)), Some(65));
    }
}

/// The opposite case: right, then wrong, then right.
#[test]
fn a_jump_that_is_taken_back_changes_nothing() {
    let mut machine = Machine::at(THEN);
    let mut clock = machine.start();
    let stamp = Stamp::ThisRun(clock.look(machine.sample()).run());
    for wrong in [THEN + 400 * DAY, THEN - 400 * DAY, 0] {
        machine.set(wrong);
        machine.pass(10);
        let age = clock.look(machine.sample()).age(stamp);
        machine.set(THEN);
        assert_eq!(clock.look(machine.sample()).age(stamp), age);
    }
    assert_eq!(seconds(clock.look(machine.sample()).age(stamp)), Some(30));
}

/// `CLOCK_BOOTTIME` and the wall clock both count suspended time.
#[test]
fn what_a_suspended_machine_slept_through_counts() {
    let mut machine = Machine::at(THEN);
    let mut clock = machine.start();
    let stamp = Stamp::ThisRun(clock.look(machine.sample()).run());
    machine.pass(3 * DAY);
    let now = clock.look(machine.sample());
    assert_eq!((seconds(now.age(stamp)), now.offset), (Some(3 * DAY), 0));
}

#[test]
fn what_an_earlier_run_confirmed_ages_by_the_calendar() {
    let machine = Machine::at(THEN);
    let now = machine.start().look(machine.sample());
    assert_eq!(seconds(now.age(Stamp::EarlierRun(Timestamp(THEN - DAY)))), Some(DAY));
    assert_eq!(now.shown(Stamp::EarlierRun(Timestamp(THEN - DAY))), Timestamp(THEN - DAY));
}

#[test]
fn a_step_back_lends_no_time_to_what_an_earlier_run_confirmed() {
    let mut machine = Machine::at(THEN);
    let mut clock = machine.start();
    let stamp = Stamp::EarlierRun(Timestamp(THEN - DAY));
    machine.set(THEN - DAY / 2);
    machine.pass(60);
    let now = clock.look(machine.sample());
    assert_eq!(seconds(now.age(stamp)), Some(DAY + 60));
    let term = LeaseTerm::For(Duration::from_secs(2 * DAY));
    let confirmations = lease::Confirmations { term, stamps: &[Some(stamp)], now: &now };
    let left = confirmations.left(0).unwrap();
    let shown = crate::published::Lease::Until(now.wall().0 + left.as_secs());
    assert_eq!(confirmations.shown(), [shown], "the end that is shown is the time that is left from now on");
}

/// A host without a clock of its own: it shows 1970 at boot and is right a minute later.
#[test]
fn a_clock_from_before_the_build_tells_no_age_until_it_is_right() {
    let mut machine = Machine::at(100);
    let mut clock = machine.start();
    let stamp = Stamp::EarlierRun(Timestamp(THEN - DAY));
    let now = clock.look(machine.sample());
    assert_eq!((now.age(stamp), now.is_plausible, now.calendar()), (None, false, None));
    assert_eq!(now.run(), LIST, "what is written down meanwhile is as old as it can be");
    machine.pass(60);
    machine.set(THEN);
    let now = clock.look(machine.sample());
    assert_eq!((seconds(now.age(stamp)), now.is_plausible), (Some(DAY), true));
    machine.set(100);
    machine.pass(5);
    assert_eq!(seconds(clock.look(machine.sample()).age(stamp)), Some(DAY + 5), "wrong again");
}

#[test]
fn a_clock_far_ahead_of_the_build_is_wrong_too() {
    let machine = Machine::at(LIST.0 + LONGEST_USE.as_secs() + 1);
    let now = machine.start().look(machine.sample());
    assert!(!now.is_plausible);
    assert_eq!((now.run(), now.age(Stamp::EarlierRun(LIST))), (LIST, None));
}

#[test]
fn the_offset_is_in_whole_seconds_to_the_nearest() {
    let mut machine = Machine::at(THEN);
    let mut clock = machine.start();
    for (nanoseconds, offset) in [(0, 0), (499_999_999, 0), (500_000_000, 1)] {
        machine.wall = Duration::new(THEN, nanoseconds);
        assert_eq!(clock.look(machine.sample()).offset, offset);
    }
    for (milliseconds, offset) in [(501, 0), (499, -1)] {
        machine.wall = Duration::new(THEN - 1, milliseconds * 1_000_000);
        assert_eq!(clock.look(machine.sample()).offset, offset);
    }
}

#[test]
fn both_clocks_go() {
    let (first, second) = (Sample::take(), Sample::take());
    assert!(first.boot > Duration::ZERO && second.boot >= first.boot);
    assert!(first.wall > Duration::from_secs(LIST.0));
}
