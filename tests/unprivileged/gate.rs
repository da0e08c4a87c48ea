//! The tag's history from 2019 to 2026, offered to the gate in order: each list as two downloads, an hour
//! apart. The documents are generated ones and, where they exist, those that the vendor published.

use d365_tests::vendor::Documents;
use d365_user::gate::{By, Change, Decision, Gate, GatePolicy, Offer, Refusal, Timestamp, Trust};
use d365_user::ranges::{Policy, Range, RangeSet};
use d365_user::source::{List, ListEntry, service_tags};

/// The tag's change number and ranges in a document.
fn known(documents: &Documents, name: &str) -> (u64, Vec<Range>) {
    let document = service_tags::read(documents.document(name).as_slice(), &service_tags::Options::default());
    let document = document.unwrap_or_else(|error| panic!("{name}: {error}"));
    (document.list.origin.tag_change_number.expect("a number"), ranges(document.list))
}

fn ranges(list: List) -> Vec<Range> {
    RangeSet::build(&[list], &Policy::default()).expect("a sound list").ranges().to_vec()
}

/// The list of 2026-08-03. The extract does not contain the tag's change number; 5 is higher than the one
/// before.
fn extract(documents: &Documents) -> (u64, Vec<Range>) {
    let text = documents.newest_tag();
    let entries = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut columns = line.split('\t');
        let prefix = columns.next().and_then(|prefix| prefix.parse().ok()).expect("a prefix");
        ListEntry { prefix, geo: None, region: columns.next().map(str::to_owned), line: 1 }
    });
    (5, ranges(List { entries: entries.collect(), ..List::default() }))
}

/// A source's gate with a simulated clock.
struct Replay {
    gate: Gate,
    now: u64,
}

impl Replay {
    fn new() -> Self {
        Self { gate: Gate::new(GatePolicy::default()), now: 1_600_000_000 }
    }

    /// Offers a list an hour after the previous one, then restarts. The restored gate must equal the gate
    /// before the restart.
    fn offer(&mut self, (number, ranges): &(u64, Vec<Range>)) -> Tally {
        self.now += 3600;
        let offer = Offer { ranges: ranges.clone(), change_number: Some(*number), trust: Trust::Download };
        let decisions = self.gate.offer(offer, Timestamp(self.now));
        let stored = serde_json::to_string(&self.gate.stored()).expect("plain text");
        let stored = serde_json::from_str(&stored).expect("as it was written");
        let restored = Gate::restore(GatePolicy::default(), stored).expect("as it was written");
        assert_eq!(restored, self.gate);
        self.gate = restored;
        Tally::of(&decisions)
    }

    fn is_confirmed_now(&self) -> bool {
        self.gate.confirmed() == Some(Timestamp(self.now))
    }
}

/// The counts of an offer's decisions. A decision of any other kind fails the test.
#[derive(Debug, PartialEq, Eq)]
struct Tally {
    first: usize,
    staged: usize,
    published: usize,
    held: usize,
    withdrawn: usize,
    refused: Option<Refusal>,
    confirmed: bool,
}

impl Tally {
    /// Nothing is decided.
    const NONE: Self =
        Self { first: 0, staged: 0, published: 0, held: 0, withdrawn: 0, refused: None, confirmed: false };
    /// The list is confirmed, and nothing else is decided.
    const CONFIRMED: Self = Self { confirmed: true, ..Self::NONE };

    fn of(decisions: &[Decision]) -> Self {
        let mut tally = Self::NONE;
        for decision in decisions {
            match decision {
                Decision::Accepted { by: By::First, .. } => tally.first += 1,
                Decision::Accepted { by: By::Confirmation, .. } => tally.published += 1,
                Decision::Waits { change: Change::Addition, .. } => tally.staged += 1,
                Decision::Waits { .. } => tally.held += 1,
                Decision::Withdrawn { .. } => tally.withdrawn += 1,
                Decision::Refused(refusal) => tally.refused = Some(*refusal),
                Decision::Confirmed => tally.confirmed = true,
                other => panic!("not expected: {other:?}"),
            }
        }
        tally
    }
}

/// The name of each document, the tag's change number, and the number of ranges that are new in it.
const HISTORY: [(&str, u64, usize); 8] = [
    ("public-2019-12-09-cn90.json", 1, 14),
    ("public-2021-03-01-cn137.json", 2, 2),
    ("public-2024-09-09-cn323.json", 3, 1),
    ("public-2024-09-09-cn323-crlf.json", 3, 0),
    ("public-2025-02-17-cn346.json", 3, 0),
    ("public-2025-03-03-cn346.json", 3, 0),
    ("public-2025-cn376.json", 3, 0),
    ("public-2026-cn398.json", 4, 5),
];

#[test]
fn the_whole_history_passes_by_second_fetches_alone() {
    for documents in Documents::all() {
        let mut replay = Replay::new();
        let steps = HISTORY.map(|(name, number, new)| {
            let list = known(&documents, name);
            assert_eq!(list.0, number, "{name}");
            (name, list, new)
        });
        for (name, list, new) in steps.into_iter().chain([("the extract", extract(&documents), 17)]) {
            let before = replay.gate.accepted().len();
            let (once, accepted, twice) = if before == 0 {
                (Tally { first: new, ..Tally::CONFIRMED }, new, Tally::CONFIRMED)
            } else {
                let published = Tally { published: new, ..Tally::CONFIRMED };
                (Tally { staged: new, ..Tally::CONFIRMED }, before, published)
            };
            assert_eq!(replay.offer(&list), once, "{name}, first fetch");
            assert_eq!(replay.gate.accepted().len(), accepted, "{name}");
            assert_eq!(replay.offer(&list), twice, "{name}, second fetch");
            assert!(replay.gate.accepted().eq(&list.1), "{name}");
            let (number, waiting) = (replay.gate.change_number(), replay.gate.pending_digest());
            assert_eq!((number, waiting), (Some(list.0), None), "{name}");
            assert!(replay.is_confirmed_now(), "{name}");
        }
        assert_eq!(replay.gate.accepted().len(), 39);
    }
}

/// The extract is the daemon's embedded list, so a gate that starts from the embedded list confirms the
/// newest document.
#[test]
fn the_documents_against_the_embedded_list_as_baseline() {
    for documents in Documents::all() {
        let newest = extract(&documents);
        let gate = Gate::with_baseline(GatePolicy::default(), newest.1.clone(), None);
        let mut replay = Replay { gate, now: 0 };
        assert_eq!(replay.offer(&newest), Tally::CONFIRMED);
        let tally = replay.offer(&known(&documents, "public-2026-cn398.json"));
        assert_eq!(tally, Tally { held: 17, refused: Some(Refusal::Shrink), ..Tally::NONE });
        assert_eq!(replay.gate.accepted().len(), 39);
    }
}

#[test]
fn a_step_back_is_held_and_harms_nothing() {
    for documents in Documents::all() {
        let mut replay = Replay::new();
        let [older, newer] =
            ["public-2025-cn376.json", "public-2026-cn398.json"].map(|name| known(&documents, name));
        replay.offer(&older);
        replay.offer(&older);
        assert_eq!(replay.offer(&newer), Tally { staged: 5, ..Tally::CONFIRMED });
        let withdrawn = Tally { withdrawn: 5, ..Tally::CONFIRMED };
        assert_eq!(replay.offer(&older), withdrawn, "before a second fetch, 4 is not the number yet");
        replay.offer(&newer);
        assert_eq!(replay.offer(&newer), Tally { published: 5, ..Tally::CONFIRMED });
        let refused = Tally { held: 5, refused: Some(Refusal::StepBack), ..Tally::NONE };
        assert_eq!(replay.offer(&older), refused);
        assert_eq!((replay.gate.accepted().len(), replay.is_confirmed_now()), (22, false));
        assert_eq!(replay.offer(&newer), withdrawn);
        assert_eq!(replay.gate.pending_digest(), None);
    }
}

/// The parser checks a document's cloud before the gate gets the list. If that check failed, the gate would
/// still hold it.
#[test]
fn another_clouds_list_is_held_whole() {
    for documents in Documents::all() {
        for name in ["government-2026-05-04-cn391.json", "china-2026-05-04-cn394.json"] {
            let mut replay = Replay::new();
            replay.offer(&known(&documents, "public-2026-cn398.json"));
            let mut other = known(&documents, name);
            // 22 removals and 2 additions are held, with a higher number too.
            for refusal in [Refusal::StepBack, Refusal::Shrink] {
                let expected = Tally { held: 24, refused: Some(refusal), ..Tally::NONE };
                assert_eq!(replay.offer(&other), expected, "{name}, number {}", other.0);
                other.0 = 9;
            }
            assert_eq!(replay.gate.accepted().len(), 22);
        }
    }
}
