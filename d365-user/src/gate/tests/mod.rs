//! Tests the rules of the gate, each at its edges. Decisions are compared as short text: `+ 1.0.0.0/24
//! first`.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::*;
use crate::{
    geo::{Geo, GeoCode, GeoSource},
    ranges::Range,
};

mod approval;
mod files;
mod growth;
mod held;
mod machine;
mod request;
mod restored;
mod room;
mod staged;
mod whole;

/// Start of the tests' time, in 2026.
const START: u64 = 1_790_000_000;
const HOUR: u64 = 3600;

fn at(hours: u64) -> Timestamp {
    Timestamp(START + hours * HOUR)
}

/// A range from `prefix`, `prefix GEO` or `prefix GEO region`. The geo is inferred; with a `!` after it, it
/// is documented.
fn range(text: &str) -> Range {
    let mut words = text.split(' ');
    let prefix = words.next().unwrap().parse().unwrap();
    let geo = words.next().unwrap_or("NAM");
    let source = if geo.ends_with('!') { GeoSource::Documented } else { GeoSource::Inferred };
    let code = GeoCode::new(geo.trim_end_matches('!')).unwrap();
    Range { prefix, geo: Geo { code, source }, region: words.next().map(str::to_owned) }
}

fn nth(n: usize) -> Range {
    range(&format!("20.{}.{}.0/24", n / 256, n % 256))
}

fn numbered(count: usize) -> Vec<Range> {
    (0..count).map(nth).collect()
}

fn ranges(texts: &[&str]) -> Vec<Range> {
    texts.iter().map(|text| range(text)).collect()
}

fn download(ranges: Vec<Range>, change_number: u64) -> Offer {
    Offer { ranges, change_number: Some(change_number), trust: Trust::Download }
}

fn local(ranges: Vec<Range>) -> Offer {
    Offer { ranges, change_number: None, trust: Trust::Local }
}

/// A gate that has accepted these ranges from a download with change number 3.
fn settled(ranges: Vec<Range>) -> Gate {
    let mut gate = Gate::new(GatePolicy::default());
    let decisions = gate.offer(download(ranges, 3), at(0));
    assert_eq!(decisions.last(), Some(&Decision::Confirmed));
    gate
}

fn short(decision: &Decision) -> String {
    let action = |prefix: &IpNet, action: &Action| match action {
        Action::Add(_) => format!("+{prefix}"),
        Action::Remove(_) => format!("-{prefix}"),
        Action::Relabel(to) => format!("~{prefix} {}", to.geo.code),
    };
    match decision {
        Decision::Accepted { range, by } => format!("+ {} {by:?}", range.prefix),
        Decision::Retired { range, by, .. } => format!("- {} {by:?}", range.prefix),
        Decision::Relabelled { to, by, .. } => format!("~ {} {} {by:?}", to.prefix, to.geo.code),
        Decision::SteppedBack { from, to, by } => format!("number {from} {to:?} {by:?}"),
        Decision::Gone(range) => format!("gone {}", range.prefix),
        Decision::Waits { prefix, action: change, change: why } => {
            format!("waits {} {why}", action(prefix, change))
        }
        Decision::Withdrawn { prefix, action: change } => format!("withdrawn {}", action(prefix, change)),
        Decision::Rejected { prefix, action: change } => format!("rejected {}", action(prefix, change)),
        Decision::Refused(refusal) => format!("refused {}", refusal.as_str()),
        Decision::Confirmed => "confirmed".to_owned(),
    }
}

fn texts(decisions: &[Decision]) -> Vec<String> {
    decisions.iter().map(short).collect()
}

fn prefixes(gate: &Gate) -> Vec<String> {
    gate.accepted().map(|range| range.prefix.to_string()).collect()
}

fn count(gate: &Gate, change: Change) -> usize {
    gate.pending_counts().into_iter().find(|(of, _)| *of == change).unwrap().1
}

/// Offers a list and returns the decisions as short text.
fn offer(gate: &mut Gate, ranges: Vec<Range>, number: u64, now: Timestamp) -> Vec<String> {
    texts(&gate.offer(download(ranges, number), now))
}

/// A range whose region needs escapes.
fn labelled(prefix: &str) -> Range {
    Range { prefix: prefix.parse().unwrap(), geo: Geo::UNKNOWN, region: Some("\"a\n".to_owned()) }
}

/// Two gates; the first has an addition that waits.
fn some_gates() -> gates::Gates {
    let offer = |prefixes: &[&str]| Offer {
        ranges: prefixes.iter().map(|prefix| labelled(prefix)).collect(),
        change_number: Some(3),
        trust: Trust::Download,
    };
    let mut gate = Gate::new(GatePolicy::default());
    gate.offer(offer(&["20.0.0.0/24"]), Timestamp(1000));
    gate.offer(offer(&["20.0.0.0/24", "2603:1000::/32"]), Timestamp(1001));
    gates::Gates::from([
        ("azure:public".to_owned(), gate),
        ("file:/a \"b\"".to_owned(), Gate::new(GatePolicy::default())),
    ])
}
