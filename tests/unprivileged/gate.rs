//! The tag's history from 2019 to 2026, offered to the gate in order: each list as two downloads, an hour
//! apart. The documents are generated ones and, where they exist, those that the vendor published.
//!
//! The tests read the documents with plain `serde_json`. The tests of the daemon's own parser are next to its
//! code.

use std::collections::BTreeMap;

use d365_tests::vendor::Documents;
use d365_user::gate::{By, Change, Decision, Gate, GatePolicy, Offer, Refusal, Timestamp, Trust};
use d365_user::ranges::{Policy, Range, RangeSet};
use d365_user::source::{List, ListEntry, Origin};
use ipnet::IpNet;
use serde_json::Value;

const TAG: &str = "Dynamics365ForMarketingEmail";

/// The tag's change number and ranges in a document, or `None` if the document has no such tag.
fn document(documents: &Documents, name: &str) -> Option<(u64, Vec<Range>)> {
    let document: Value = serde_json::from_slice(&documents.document(name)).expect("a document");
    let mut regions: BTreeMap<IpNet, String> = BTreeMap::new();
    let mut tag = None;
    for value in document["values"].as_array().expect("values") {
        let name = value["name"].as_str().expect("a name");
        let properties = &value["properties"];
        let prefixes = || -> Vec<IpNet> {
            let prefixes = properties["addressPrefixes"].as_array().expect("prefixes").iter();
            prefixes
                .map(|prefix| prefix.as_str().and_then(|prefix| prefix.parse().ok()).expect("a prefix"))
                .collect()
        };
        if name == TAG {
            tag = Some((properties["changeNumber"].as_u64().expect("a number"), prefixes()));
        } else if let Some(region) = name.strip_prefix(TAG).and_then(|rest| rest.strip_prefix('.')) {
            regions.extend(prefixes().into_iter().map(|prefix| (prefix, region.to_owned())));
        }
    }
    let (number, prefixes) = tag?;
    let listed = prefixes.into_iter().map(|prefix| (prefix, regions.get(&prefix).cloned()));
    Some((number, ranges(listed)))
}

fn ranges(listed: impl Iterator<Item = (IpNet, Option<String>)>) -> Vec<Range> {
    let entries = listed.map(|(prefix, region)| ListEntry { prefix, geo: None, region, line: 1 }).collect();
    let origin = Origin { name: "replay".to_owned(), ..Origin::default() };
    RangeSet::build(&[List { origin, entries, ..List::default() }], &Policy::default())
        .expect("a sound list")
        .ranges()
        .to_vec()
}

/// The list of 2026-08-03. The extract does not contain the tag's change number; 5 is higher than the one
/// before.
fn extract(documents: &Documents) -> (u64, Vec<Range>) {
    let text = documents.newest_tag();
    let rows = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut columns = line.split('\t');
        let prefix = columns.next().and_then(|prefix| prefix.parse().ok()).expect("a prefix");
        (prefix, columns.next().map(str::to_owned))
    });
    (5, ranges(rows))
}

const HOUR: u64 = 3600;

/// A source's gate with a simulated clock.
struct Replay {
    gate: Gate,
    now: u64,
}

impl Replay {
    fn new() -> Self {
        Self { gate: Gate::new(GatePolicy::default()), now: 1_600_000_000 }
    }

    /// Offers a list an hour after the previous one.
    fn offer(&mut self, (number, ranges): &(u64, Vec<Range>)) -> Tally {
        self.now += HOUR;
        let offer = Offer { ranges: ranges.clone(), change_number: Some(*number), trust: Trust::Download };
        let decisions = self.gate.offer(offer, Timestamp(self.now));
        self.restart();
        Tally::of(&decisions)
    }

    /// Restarts after each offer. The restored gate must equal the gate before the restart.
    fn restart(&mut self) {
        let stored = serde_json::to_string(&self.gate.stored()).expect("plain text");
        let stored = serde_json::from_str(&stored).expect("as it was written");
        let restored = Gate::restore(GatePolicy::default(), stored).expect("as it was written");
        assert_eq!(restored, self.gate);
        self.gate = restored;
    }

    fn accepted(&self) -> usize {
        self.gate.accepted().len()
    }

    fn is_confirmed_now(&self) -> bool {
        self.gate.confirmed() == Some(Timestamp(self.now))
    }
}

/// The counts of an offer's decisions. A decision of any other kind fails the test.
#[derive(Debug, Default, PartialEq, Eq)]
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
    fn of(decisions: &[Decision]) -> Self {
        let mut tally = Self::default();
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

fn known(documents: &Documents, name: &str) -> (u64, Vec<Range>) {
    document(documents, name).unwrap_or_else(|| panic!("{name} has no tag"))
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
    Documents::all().iter().for_each(whole_history);
}

fn whole_history(documents: &Documents) {
    assert_eq!(
        document(documents, "public-2019-07-22-cn82.json"),
        None,
        "no tag yet: refused before the gate"
    );
    let mut replay = Replay::new();
    let steps = HISTORY.map(|(name, number, new)| {
        let list = known(documents, name);
        assert_eq!(list.0, number, "{name}");
        (name, list, new)
    });
    for (name, list, new) in steps.into_iter().chain([("the extract", extract(documents), 17)]) {
        let before = replay.accepted();
        let confirmed = Tally { confirmed: true, ..Tally::default() };
        let (once, twice) = if before == 0 {
            (Tally { first: new, ..confirmed }, Tally { confirmed: true, ..Tally::default() })
        } else {
            (
                Tally { staged: new, ..confirmed },
                Tally { published: new, confirmed: true, ..Tally::default() },
            )
        };
        assert_eq!(replay.offer(&list), once, "{name}, first fetch");
        assert_eq!(replay.accepted(), if before == 0 { new } else { before }, "{name}");
        assert_eq!(replay.offer(&list), twice, "{name}, second fetch");
        assert!(replay.gate.accepted().eq(&list.1), "{name}");
        assert_eq!(
            (replay.gate.change_number(), replay.gate.pending_digest()),
            (Some(list.0), None),
            "{name}"
        );
        assert!(replay.is_confirmed_now(), "{name}");
    }
    assert_eq!(replay.accepted(), 39);
}

/// The extract is the daemon's embedded list, so a gate that starts from the embedded list confirms the
/// newest document.
#[test]
fn the_documents_against_the_embedded_list_as_baseline() {
    Documents::all().iter().for_each(embedded_as_baseline);
}

fn embedded_as_baseline(documents: &Documents) {
    let (number, embedded) = extract(documents);
    let mut gate = Gate::with_baseline(GatePolicy::default(), embedded.clone(), None);
    let offer = |ranges, number| Offer { ranges, change_number: Some(number), trust: Trust::Download };
    assert_eq!(gate.offer(offer(embedded, number), Timestamp(HOUR)), [Decision::Confirmed]);
    let (number, older) = known(documents, "public-2026-cn398.json");
    let tally = Tally::of(&gate.offer(offer(older, number), Timestamp(2 * HOUR)));
    assert_eq!(tally, Tally { held: 17, refused: Some(Refusal::Shrink), ..Tally::default() });
    assert_eq!(gate.accepted().len(), 39);
}

#[test]
fn a_step_back_is_held_and_harms_nothing() {
    Documents::all().iter().for_each(step_back);
}

fn step_back(documents: &Documents) {
    let mut replay = Replay::new();
    let (older, newer) =
        (known(documents, "public-2025-cn376.json"), known(documents, "public-2026-cn398.json"));
    replay.offer(&older);
    replay.offer(&older);
    assert_eq!(replay.offer(&newer), Tally { staged: 5, confirmed: true, ..Tally::default() });
    let stale = Tally { withdrawn: 5, confirmed: true, ..Tally::default() };
    assert_eq!(replay.offer(&older), stale, "before a second fetch, 4 is not the number yet");
    replay.offer(&newer);
    assert_eq!(replay.offer(&newer), Tally { published: 5, confirmed: true, ..Tally::default() });
    let refused = Tally { refused: Some(Refusal::StepBack), ..Tally::default() };
    assert_eq!(replay.offer(&older), Tally { held: 5, ..refused });
    assert_eq!((replay.accepted(), replay.is_confirmed_now()), (22, false));
    let again = Tally { withdrawn: 5, confirmed: true, ..Tally::default() };
    assert_eq!(replay.offer(&newer), again);
    assert_eq!(replay.gate.pending_digest(), None);
}

/// The parser checks a document's cloud before the gate gets the list. If that check failed, the gate would
/// still hold it.
#[test]
fn another_clouds_list_is_held_whole() {
    Documents::all().iter().for_each(another_cloud);
}

fn another_cloud(documents: &Documents) {
    for name in ["government-2026-05-04-cn391.json", "china-2026-05-04-cn394.json"] {
        let mut replay = Replay::new();
        replay.offer(&known(documents, "public-2026-cn398.json"));
        let other = known(documents, name);
        let tally = replay.offer(&other);
        let expected = Tally { held: 24, refused: Some(Refusal::StepBack), ..Tally::default() };
        assert_eq!(tally, expected, "{name}: 22 removals, 2 additions");
        let expected = Tally { refused: Some(Refusal::Shrink), held: 24, ..Tally::default() };
        let with_number = (9, other.1);
        assert_eq!(replay.offer(&with_number), expected, "{name}: nor with a higher number");
        assert_eq!(replay.accepted(), 22);
    }
}
