//! The decision, with a clock that the tests set.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{
    super::place::{Identity, Place},
    Heard, Settling,
};

const SETTLE: Duration = Duration::from_millis(100);
const POLL: Duration = Duration::from_secs(5);

/// Two states of a file, and an empty file. They come from real files, because nothing else creates an
/// identity.
struct States {
    old: Option<Identity>,
    new: Option<Identity>,
    empty: Option<Identity>,
}

/// One file, and a clock that is set by hand.
struct Case {
    file: Settling,
    states: States,
    now: Instant,
}

impl Case {
    fn new(first: fn(&States) -> Option<Identity>) -> Self {
        let state = |text: &str| {
            let name =
                format!("d365-settling-{}-{:?}-{}", std::process::id(), std::thread::current().id(), text);
            let path: PathBuf = std::env::temp_dir().join(name);
            fs::write(&path, text).unwrap();
            let identity = Place::new(path.clone()).identity();
            fs::remove_file(path).unwrap();
            assert!(identity.is_some());
            identity
        };
        let states = States { old: state("old"), new: state("newer"), empty: state("") };
        Self { file: Settling::new(SETTLE, first(&states)), states, now: Instant::now() }
    }

    fn hear(&mut self, heard: Heard) {
        self.file.hear(heard, self.now);
    }

    fn later(&mut self, by: Duration) {
        self.now += by;
    }

    /// A look at the time of the test's clock.
    fn look(&mut self, seen: Option<Identity>, patience: Duration) -> bool {
        self.file.look(seen, self.now, patience)
    }
}

#[test]
fn what_is_replaced_is_told_of_once_it_has_settled() {
    let mut case = Case::new(|states| states.old);
    let new = case.states.new;
    assert_eq!(case.file.due(), None);
    case.hear(Heard::Placed);
    assert_eq!(case.file.due(), Some(case.now + SETTLE));
    case.later(SETTLE / 2);
    assert!(!case.look(new, SETTLE));
    case.later(SETTLE / 2);
    assert!(case.look(new, SETTLE));
    assert_eq!(case.file.due(), None);
    case.later(POLL);
    assert!(!case.look(new, POLL));
}

#[test]
fn each_event_begins_the_wait_anew() {
    let mut case = Case::new(|states| states.old);
    let new = case.states.new;
    for _ in 0..100 {
        case.hear(Heard::Placed);
        case.later(SETTLE - Duration::from_millis(1));
        assert!(!case.look(new, SETTLE));
    }
    case.later(Duration::from_millis(1));
    assert!(case.look(new, SETTLE));
}

#[test]
fn nothing_is_believed_while_it_is_written() {
    let mut case = Case::new(|states| states.old);
    let new = case.states.new;
    case.hear(Heard::Written);
    assert_eq!(case.file.due(), None);
    for _ in 0..100 {
        case.later(POLL);
        assert!(!case.look(new, POLL));
    }
    case.hear(Heard::Closed);
    assert!(!case.look(new, SETTLE));
    case.later(SETTLE);
    assert!(case.look(new, SETTLE));
}

#[test]
fn an_empty_file_waits_for_whoever_made_it() {
    let mut case = Case::new(|_| None);
    let (empty, new) = (case.states.empty, case.states.new);
    case.hear(Heard::Created);
    assert!(!case.look(empty, SETTLE));
    case.later(POLL);
    assert!(!case.look(empty, POLL));
    // A file that was linked is complete.
    case.hear(Heard::Created);
    assert!(!case.look(new, SETTLE));
    case.later(SETTLE);
    assert!(case.look(new, SETTLE));
    // A file that is closed before any write stays empty, and is complete.
    case.hear(Heard::Created);
    case.hear(Heard::Closed);
    case.later(SETTLE);
    assert!(case.look(empty, SETTLE));
}

#[test]
fn another_file_in_its_place_ends_the_wait_for_a_writer() {
    let mut case = Case::new(|states| states.old);
    let new = case.states.new;
    case.hear(Heard::Written);
    case.hear(Heard::Placed);
    case.later(SETTLE);
    assert!(case.look(new, SETTLE));
    // The same is true if the file is removed.
    case.hear(Heard::Written);
    case.hear(Heard::Placed);
    case.later(SETTLE);
    assert!(case.look(None, SETTLE));
}

#[test]
fn what_is_the_same_in_the_end_is_not_told_of() {
    let mut case = Case::new(|states| states.old);
    let (old, new) = (case.states.old, case.states.new);
    case.hear(Heard::Placed);
    assert!(!case.look(new, SETTLE));
    case.hear(Heard::Placed);
    case.later(SETTLE);
    assert!(!case.look(old, SETTLE));
    case.hear(Heard::Touched);
    case.later(SETTLE);
    assert!(!case.look(old, SETTLE));
    assert_eq!(case.file.due(), None);
}

/// A network file system sends no event at all.
#[test]
fn what_only_looks_show_is_believed_when_two_agree() {
    let mut case = Case::new(|states| states.old);
    let (old, new, empty) = (case.states.old, case.states.new, case.states.empty);
    assert!(!case.look(old, POLL));
    for seen in [empty, new, None, new] {
        case.later(POLL);
        assert!(!case.look(seen, POLL));
    }
    case.later(POLL);
    assert!(case.look(new, POLL));
}

#[test]
fn after_lost_events_nothing_heard_before_counts() {
    let mut case = Case::new(|states| states.old);
    let (new, empty) = (case.states.new, case.states.empty);
    // The close of this writer is among the lost events, so a wait for it would never end.
    case.hear(Heard::Written);
    assert!(!case.look(empty, SETTLE));
    case.file.distrust(case.now, POLL);
    case.later(SETTLE);
    // The further writes of that process cause no event either.
    assert!(!case.look(new, POLL));
    case.later(POLL - SETTLE);
    assert!(!case.look(new, POLL));
    case.later(SETTLE);
    assert!(case.look(new, POLL));
}
