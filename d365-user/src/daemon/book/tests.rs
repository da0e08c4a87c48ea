//! Tests of the book with random walks of traffic, publications, failures and restarts. The counts that the
//! book shows must be those of the packets that were sent. The kernel is a model of counters that only grow,
//! written without the book's own slots and ledger.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::{daemon::state::interface, state::counters::Maps};
use made::{From, Packets, Point, Start, Step, any_start, any_step};
use model::{Kernel, count, members};

mod made;
mod model;

/// The subject of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Line {
    Geo(Geo, bool),
    Range(CounterKey),
    Unlisted,
    Else,
}

/// Counts by interface and line.
type Lines = BTreeMap<(String, Line), Count>;

/// A daemon, the kernel below it, its file, and the packets that were really sent.
struct Walk {
    start: Start,
    kernel: Kernel,
    book: Book,
    file: Stored,
    sent: Lines,
    /// The counts that were shown last.
    shown: Lines,
}

impl Walk {
    fn begin(start: Start) -> Result<Self, TestCaseError> {
        let book = Book::new(start.capacity, &row_names(&start.interfaces), Vec::new());
        let (kernel, file) = (Kernel::default(), Stored::default());
        let mut walk =
            Self { start: start.clone(), kernel, book, file, sent: Lines::new(), shown: Lines::new() };
        walk.start(start, Vec::new())?;
        Ok(walk)
    }

    /// Loads a new kernel object, and makes a book that continues the counts of earlier daemons.
    fn start(&mut self, start: Start, before: Vec<Row>) -> Result<(), TestCaseError> {
        self.kernel = Kernel::default();
        self.start = start;
        let (rows, set) = (self.rows(), self.start.set.clone());
        self.book = Book::new(self.start.capacity, &rows, before);
        let draft = self.book.draft(&set).unwrap();
        self.book.announce(&draft);
        self.forget(&set);
        self.is_exact("announced")?;
        self.kernel.publish(&set, &draft);
        self.book.enter(draft, |_| Ok::<_, ()>(Vec::new())).unwrap();
        self.file = Stored::settled(self.book.ledger().rows().cloned().collect());
        self.write(self.book.owners());
        self.is_exact("started")
    }

    fn rows(&self) -> Vec<String> {
        row_names(&self.start.interfaces)
    }

    fn write(&mut self, owners: Vec<(CounterKey, u32)>) {
        let (interfaces, capacity) = (self.start.interfaces.clone(), self.start.capacity);
        let maps = Maps { ranges: 1, classes: 2, interfaces, capacity };
        self.file = Stored::running(maps, owners, self.book.ledger());
    }

    fn send(&mut self, packets: &[Packets]) {
        let rows = self.rows();
        for (row, from, number) in packets {
            let row = row % rows.len();
            let mut add =
                |line, number| *self.sent.entry((rows[row].clone(), line)).or_default() += count(number);
            match from {
                From::Range(at) => {
                    let (owner, slot) = self.kernel.published[at % self.kernel.published.len()];
                    *self.kernel.slots.entry((row, slot)).or_default() += count(*number);
                    add(Line::Geo(owner.geo, owner.retired), *number);
                    add(Line::Range(owner), *number);
                }
                From::Unlisted => {
                    *self.kernel.unlisted.entry(row).or_default() += count(*number);
                    add(Line::Unlisted, *number);
                }
                From::Else => {
                    *self.kernel.others.entry(row).or_default() += number;
                    add(Line::Else, *number);
                }
            }
        }
    }

    /// Forgets the counters of ranges outside `set` on the watched interfaces: nobody sees them any more.
    fn forget(&mut self, set: &RangeSet) {
        let (seen, rows): (BTreeSet<CounterKey>, _) = (members(set).into_iter().collect(), self.rows());
        let stays = |(name, line): &(String, Line)| match line {
            Line::Range(owner) => seen.contains(owner) || !rows.contains(name),
            _ => true,
        };
        self.sent.retain(|line, _| stays(line));
        self.shown.retain(|line, _| stays(line));
    }

    /// Publishes up to `point` of the first generation, otherwise with as many generations as it takes. A set
    /// with more ranges than slots is not published.
    fn publish(
        &mut self,
        set: &RangeSet,
        between: &[Packets],
        is_readable: bool,
        point: Point,
    ) -> Result<(), TestCaseError> {
        let Ok((draft, towards)) = self.book.draft_towards(set) else { return self.is_exact("full") };
        let (goal, parts) = (set, [(0, Default::default(), draft.generation.ranges.clone())]);
        let retired = draft.generation.retired.iter().map(|range| (0, range.clone()));
        let set = &RangeSet::union(&parts, retired, 64).unwrap();
        self.write(draft.owners());
        if point == Point::Written {
            return Ok(());
        }
        self.kernel.publish(set, &draft);
        self.send(between);
        self.has_not_fallen("published")?;
        if point == Point::Published {
            return Ok(());
        }
        let (kernel, rows) = (&self.kernel, self.rows().len());
        let read = |slots: &[u32]| {
            let all = (0..rows).map(|row| kernel.ranges(row, slots)).collect();
            if is_readable { Ok(all) } else { Err(()) }
        };
        prop_assert_eq!(self.book.enter(draft, read).is_ok(), is_readable);
        if point != Point::Entered {
            self.write(self.book.owners());
            // An entry alone is not written: the next daemon still knows the range's count.
            if is_readable {
                self.forget(set);
            }
        }
        self.is_exact("entered")?;
        if towards == Towards::Whole {
            prop_assert_eq!((set.ranges(), set.retired()), (goal.ranges(), goal.retired()));
        } else if is_readable && point == Point::WrittenAgain {
            self.publish(goal, &[], true, point)?;
        }
        Ok(())
    }

    /// The rows that the next daemon finds after a crash or a stop.
    fn left(&self, is_crash: bool) -> Vec<Row> {
        let rows = self.rows().len();
        if is_crash {
            let interfaces = &self.file.maps.as_ref().unwrap().interfaces;
            add_up(&self.file, interfaces, &self.kernel.readings(rows, &self.file.owners))
        } else {
            self.book.settle(&self.kernel.readings(rows, &self.book.owners()))
        }
    }

    /// Each line as a scrape shows it.
    fn lines(&self) -> Lines {
        let (mut lines, generation) = (Lines::new(), self.book.generation());
        for (row, name) in self.rows().iter().enumerate() {
            let shown = interface(&self.book, row, name, None, self.kernel.read(row, self.book.slots()));
            let mut put = |line, count| assert_eq!(lines.insert((name.clone(), line), count), None);
            let geos = |totals: BTreeMap<Geo, Count>, retired| {
                totals.into_iter().map(move |(geo, count)| (Line::Geo(geo, retired), count))
            };
            geos(shown.geo_totals(generation), false).for_each(|(line, count)| put(line, count));
            geos(shown.retired_totals(generation), true).for_each(|(line, count)| put(line, count));
            shown
                .counts(generation)
                .for_each(|(range, count)| put(Line::Range(CounterKey::from(range)), count));
            let retired = shown.retired_counts(generation);
            retired.for_each(|(range, count)| put(Line::Range(CounterKey::retired(range)), count));
            put(Line::Unlisted, shown.unlisted);
            put(Line::Else, count(shown.other[0].1));
        }
        lines
    }

    fn has_not_fallen(&mut self, when: &str) -> Result<Lines, TestCaseError> {
        let (lines, rows) = (self.lines(), self.rows());
        for ((name, line), before) in self.shown.iter().filter(|((name, _), _)| rows.contains(name)) {
            // A range's own line may disappear, and then begins at zero again.
            let now = lines.get(&(name.clone(), *line)).copied();
            let now =
                if matches!(line, Line::Range(_)) { now.unwrap_or(*before) } else { now.unwrap_or_default() };
            let is_less = now.packets < before.packets
                || now.bytes < before.bytes
                || now.connections < before.connections;
            prop_assert!(!is_less, "{when}: {name} {line:?} fell from {before:?} to {now:?}");
        }
        self.shown.extend(lines.clone());
        Ok(lines)
    }

    /// Checks that every packet is shown in its line, and nothing else.
    fn is_exact(&mut self, when: &str) -> Result<(), TestCaseError> {
        let (lines, rows) = (self.has_not_fallen(when)?, self.rows());
        let published: BTreeSet<CounterKey> = members_of(self.book.generation());
        for ((name, line), sent) in self.sent.iter().filter(|((name, _), _)| rows.contains(name)) {
            if matches!(line, Line::Range(owner) if !published.contains(owner)) {
                continue;
            }
            prop_assert_eq!(lines.get(&(name.clone(), *line)), Some(sent), "{}: {} {:?}", when, name, line);
        }
        for (line, shown) in &lines {
            prop_assert_eq!(*shown, self.sent.get(line).copied().unwrap_or_default(), "{}: {:?}", when, line);
        }
        Ok(())
    }
}

fn members_of(generation: &Generation) -> BTreeSet<CounterKey> {
    let retired = generation.retired.iter().map(CounterKey::retired);
    generation.ranges.iter().map(CounterKey::from).chain(retired).collect()
}

fn walk(start: Start, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut walk = Walk::begin(start)?;
    for step in steps {
        match step {
            Step::Traffic(packets) => {
                walk.send(&packets);
                walk.is_exact("traffic")?;
            }
            Step::Publish { set, between, is_readable } => {
                walk.publish(&set, &between, is_readable, Point::WrittenAgain)?;
            }
            Step::DiePublishing { set, between, point, next } => {
                walk.publish(&set, &between, true, point)?;
                let left = walk.left(true);
                walk.start(next, left)?;
            }
            Step::Crash(next) => {
                let left = walk.left(true);
                walk.start(next, left)?;
            }
            Step::Stop(next) => {
                let left = walk.left(false);
                walk.start(next, left)?;
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn what_is_shown_is_what_was_sent(start in any_start(), steps in prop::collection::vec(any_step(), 1..40)) {
        walk(start, steps)?;
    }
}
