//! Targets that the measurements must reach. A target that is a ratio of two measurements of one run decides
//! about the exit code of `--check`. The other targets depend on the machine, and are only shown.

use std::fmt;

use crate::report::{
    Report, Scale,
    names::{
        IPSET, LIMIT, LIMIT_MARK, LISTED, LISTED_V6, LISTED_VLAN, NFTABLES, NOTHING, OTHER_PORT, OWN,
        OWN_MARK, OWN_TC, OWN_TRIE_ONLY, TRIE, UNLISTED, UNLISTED_V6, XDP_FILTER,
    },
};

pub(crate) struct Target {
    what: String,
    /// `None` if it was not measured.
    is: Option<f64>,
    limit: Limit,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

/// The kind of a target: a ratio holds on every machine, an absolute value does not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ratio,
    Absolute,
}

impl Target {
    fn is_met(&self) -> Option<bool> {
        self.is.map(|is| match self.limit {
            Limit::AtMost(most) => is <= most,
            Limit::AtLeast(least) => is >= least,
        })
    }

    /// True if `--check` fails because of this target: a ratio that was missed, or could not be measured.
    pub(crate) fn fails(&self) -> bool {
        self.kind == Kind::Ratio && self.is_met() != Some(true)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let met = match self.is_met() {
            None => "not measured",
            Some(true) => "met",
            Some(false) => "MISSED",
        };
        let limit = match self.limit {
            Limit::AtMost(most) => format!("at most {most}"),
            Limit::AtLeast(least) => format!("at least {least:.3}"),
        };
        let is = self.is.map_or("–".to_owned(), |is| format!("{is:.3}"));
        let kind = if self.kind == Kind::Ratio { "ratio" } else { "absolute" };
        write!(f, "{met:<13}{:<68}{is:>10}  {limit} ({kind})", self.what)
    }
}

/// All targets with their measured values.
pub(crate) fn targets(report: &Report) -> Vec<Target> {
    [packets(report), scaling(report), end_to_end(report), daemon(report)].into_iter().flatten().collect()
}

fn target(what: &str, kind: Kind, is: Option<f64>, limit: Limit) -> Target {
    Target { what: what.to_owned(), is, limit, kind }
}

fn packets(report: &Report) -> Vec<Target> {
    let ns = |packet: &str, program: &str| Some(report.cost(packet, program)?.above_floor.median);
    let most = |packet: &str, program: &str, most| {
        let what = format!("{program}: {packet}, ns");
        target(&what, Kind::Absolute, ns(packet, program), Limit::AtMost(most))
    };
    let beside = |packet: &str, other: &str| {
        let other = report.cost(packet, other)?.above_floor.median;
        Some((ns(packet, OWN)?, other))
    };
    let trie_v6 = beside(LISTED_V6, TRIE).map(|(own, trie)| own - trie);
    let by = |packet: &str, other: &str, most| {
        let is = beside(packet, other).map(|(own, other)| own / other);
        target(&format!("{packet}, by {other}"), Kind::Ratio, is, Limit::AtMost(most))
    };
    vec![
        most(OTHER_PORT, OWN, 3.0),
        most(UNLISTED, OWN, 5.0),
        most(LISTED, OWN, 6.0),
        most(UNLISTED_V6, OWN, 6.0),
        most(LISTED_VLAN, OWN, 12.0),
        most(LISTED, OWN_TC, 17.0),
        target("listed IPv6 above the trie's own cost, ns", Kind::Absolute, trie_v6, Limit::AtMost(6.0)),
        by(OTHER_PORT, XDP_FILTER, 0.1),
        by(UNLISTED, XDP_FILTER, 0.2),
        by(LISTED, XDP_FILTER, 0.25),
        by(UNLISTED_V6, XDP_FILTER, 0.2),
        by(LISTED_VLAN, XDP_FILTER, 0.4),
        by(OTHER_PORT, LIMIT, 1.3),
        by(UNLISTED, LIMIT, 1.3),
        by(LISTED, LIMIT, 1.3),
        by(LISTED, OWN_TRIE_ONLY, 0.4),
    ]
}

fn scaling(report: &Report) -> Vec<Target> {
    let mut targets = Vec::new();
    let Some(first) = report.scaling.first() else { return targets };
    for scale in &report.scaling[1..] {
        let one = |scale: &Scale| Some(scale.cost(OWN)?.one_source.median);
        let growth = one(scale).zip(one(first)).map(|(own, first)| own / first);
        let what = format!("a hit on one source, {} ranges by {}", scale.ranges, first.ranges);
        targets.push(target(&what, Kind::Ratio, growth, Limit::AtMost(1.3)));
    }
    for scale in &report.scaling {
        let any = |program| Some(scale.cost(program)?.any_source.median);
        let by_trie = any(OWN).zip(any(OWN_TRIE_ONLY)).map(|(own, trie_only)| own / trie_only);
        let what = format!("hits on any source, {} ranges, by a trie-only build", scale.ranges);
        targets.push(target(&what, Kind::Ratio, by_trie, Limit::AtMost(0.5)));
    }
    for (scale, most) in
        [(Some(first), 50.0), (report.scaling.iter().find(|scale| scale.ranges == 100_000), 5000.0)]
    {
        let ranges = scale.map_or(100_000, |scale| scale.ranges);
        let what = format!("{ranges} ranges compiled, proven, published, ms");
        let is = scale.map(|scale| scale.preparation.whole.median);
        targets.push(target(&what, Kind::Absolute, is, Limit::AtMost(most)));
    }
    targets
}

fn end_to_end(report: &Report) -> Vec<Target> {
    let rate = |way| Some(report.way(way)?.by_nothing.median);
    let by = |own, other| rate(own).zip(rate(other)).map(|(own, other)| own / other);
    let least = |what: &str, is, least| target(what, Kind::Ratio, is, Limit::AtLeast(least));
    // If the limit itself lets less through, 0.99 of the limit is required.
    let possible = |least: f64, limit| by(limit, NOTHING).map_or(least, |limit| (0.99 * limit).min(least));
    vec![
        least("packets/s, by a do-nothing XDP program", by(OWN, NOTHING), possible(0.97, LIMIT)),
        least("the same with --tag mark", by(OWN_MARK, NOTHING), possible(0.9, LIMIT_MARK)),
        least("packets/s, by nftables", by(OWN, NFTABLES), 1.0),
        least("packets/s, by ipset and iptables", by(OWN, IPSET), 1.0),
    ]
}

fn daemon(report: &Report) -> Vec<Target> {
    let (short, long) = (&report.daemon.embedded, &report.daemon.many);
    let most = |what: &str, is, most| target(what, Kind::Absolute, Some(is), Limit::AtMost(most));
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let resident = short.resident_bytes as f64 / f64::from(1 << 20);
    vec![
        most("scrape, embedded list, 2 interfaces, ms", short.scrape_ms.median, 5.0),
        most("scrape, 10,000 ranges, 2 interfaces, ms", long.scrape_ms.median, 60.0),
        most("resident memory, embedded list, MiB", resident, 16.0),
        most("start to attached, ms", short.start_ms.median, 250.0),
        most("idle, percent of a processor", short.idle_percent, 0.1),
    ]
}
