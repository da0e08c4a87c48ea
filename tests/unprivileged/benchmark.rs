//! The benchmark's evaluation of its measurements: medians, missed targets and regressions. These tests
//! measure nothing.

use crate::{
    check::targets,
    compare::changes,
    machine::Machine,
    report::{
        Cost, DaemonCost, Daemons, EndToEnd, Packet, Preparation, Report, Scale, ScaleCost,
        names::{
            IPSET, LIMIT, LIMIT_MARK, LISTED, LISTED_V6, LISTED_VLAN, NFTABLES, NOTHING, OTHER_PORT, OWN,
            OWN_MARK, OWN_TC, OWN_TRIE_ONLY, TRIE, UNLISTED, UNLISTED_V6, XDP_FILTER,
        },
    },
    rounds::{Stat, interleaved},
};

const FLOOR: f64 = 10.0;

fn stat(value: f64) -> Stat {
    Stat::of(&[value]).expect("one value")
}

fn packet(name: &str, costs: &[(&str, f64)]) -> Packet {
    let cost = |(program, cost): &(&str, f64)| Cost {
        program: (*program).to_owned(),
        whole: stat(FLOOR + cost),
        above_floor: stat(*cost),
    };
    Packet { name: name.to_owned(), floor: stat(FLOOR), costs: costs.iter().map(cost).collect() }
}

fn scale(ranges: usize, one_source: f64, any_source: f64) -> Scale {
    let cost = |program: &str, one_source, any_source| ScaleCost {
        program: program.to_owned(),
        floor: stat(FLOOR),
        one_source: stat(one_source),
        any_source: stat(any_source),
    };
    let [compile, build, prove, publish, whole] = [1.0, 2.0, 3.0, 4.0, 10.0].map(stat);
    Scale {
        name: "a list".to_owned(),
        ranges,
        memory: 1 << 20,
        preparation: Preparation { compile, build, prove, publish, whole },
        costs: vec![cost(OWN, one_source, any_source), cost(OWN_TRIE_ONLY, 50.0, 100.0)],
    }
}

/// A report that meets every target, with every ratio exactly at its limit.
fn report() -> Report {
    let way = |way: &str, by_nothing| EndToEnd {
        way: way.to_owned(),
        packets_per_second: stat(1e6 * by_nothing),
        by_nothing: stat(by_nothing),
        // A whole number: serde_json reads a longer one back with another last digit.
        nanoseconds_per_packet: stat((1000.0 / by_nothing).round()),
        offered: stat(5.0),
    };
    let daemon = |ranges, scrape| DaemonCost {
        ranges,
        start_ms: stat(250.0),
        scrape_ms: stat(scrape),
        resident_bytes: 16 << 20,
        idle_percent: 0.1,
    };
    Report {
        machine: Machine::look().expect("a machine"),
        is_quick: false,
        packets: vec![
            packet(OTHER_PORT, &[(OWN, 2.6), (LIMIT, 2.0), (XDP_FILTER, 26.0)]),
            packet(UNLISTED, &[(OWN, 3.9), (LIMIT, 3.0), (XDP_FILTER, 19.5)]),
            packet(
                LISTED,
                &[(OWN, 5.2), (LIMIT, 4.0), (OWN_TC, 17.0), (OWN_TRIE_ONLY, 13.0), (XDP_FILTER, 20.8)],
            ),
            packet(UNLISTED_V6, &[(OWN, 6.0), (XDP_FILTER, 30.0)]),
            packet(LISTED_VLAN, &[(OWN, 12.0), (XDP_FILTER, 30.0)]),
            packet(LISTED_V6, &[(OWN, 16.0), (TRIE, 10.0)]),
        ],
        scaling: vec![scale(39, 10.0, 50.0), scale(100_000, 13.0, 50.0)],
        programs: Vec::new(),
        end_to_end: vec![
            way(NOTHING, 1.0),
            way(OWN, 0.97),
            way(LIMIT, 0.98),
            way(OWN_MARK, 0.9),
            way(LIMIT_MARK, 0.95),
            way(NFTABLES, 0.96),
            way(IPSET, 0.97),
        ],
        daemon: Daemons { embedded: daemon(39, 5.0), many: daemon(10_000, 60.0) },
        missing: Vec::new(),
    }
}

/// Returns true if `--check` fails, and the lines of all targets.
fn checked(change: impl FnOnce(&mut Report)) -> (bool, String) {
    let mut report = report();
    change(&mut report);
    let targets = targets(&report);
    let lines = targets.iter().map(|target| format!("{target}\n")).collect();
    (targets.iter().any(crate::check::Target::fails), lines)
}

#[test]
fn a_run_that_meets_every_target_just_so_passes() {
    let (fails, lines) = checked(|_| ());
    assert!(!fails && !lines.contains("MISSED") && !lines.contains("not measured"), "{lines}");
    assert!(lines.lines().count() > 20, "{lines}");
}

#[test]
fn a_ratio_that_is_missed_or_was_not_measured_fails_and_nanoseconds_do_not() {
    let missed: [fn(&mut Report); 7] = [
        |report| report.packets[2].costs[0].above_floor = stat(5.3),
        |report| report.packets[2].costs[4].above_floor = stat(20.7),
        |report| report.scaling[1].costs[0].one_source = stat(13.1),
        |report| report.scaling[0].costs[0].any_source = stat(50.1),
        |report| report.end_to_end[1].by_nothing = stat(0.969),
        |report| report.end_to_end[3].by_nothing = stat(0.899),
        |report| report.end_to_end[5].by_nothing = stat(0.98),
    ];
    for (number, change) in missed.into_iter().enumerate() {
        let (fails, lines) = checked(change);
        assert!(fails && lines.contains("MISSED"), "{number}: {lines}");
    }
    let (fails, lines) = checked(|report| report.end_to_end.clear());
    assert!(fails && lines.contains("not measured"), "{lines}");
    let (fails, lines) = checked(|report| {
        report.packets[5].costs[0].above_floor = stat(16.1);
        report.daemon.many.scrape_ms = stat(61.0);
    });
    assert!(!fails, "{lines}");
    assert_eq!(lines.matches("MISSED").count(), 2, "{lines}");
}

/// A machine on which the limit reaches less cannot have more than the limit.
#[test]
fn end_to_end_is_held_against_the_limit_where_that_reaches_less() {
    for (own, expected) in [(0.941, false), (0.94, true)] {
        let (fails, lines) = checked(|report| {
            report.end_to_end[2].by_nothing = stat(0.95);
            report.end_to_end[1].by_nothing = stat(own);
            report.end_to_end[5..].iter_mut().for_each(|peer| peer.by_nothing = stat(0.9));
        });
        assert_eq!(fails, expected, "{lines}");
    }
}

#[test]
fn a_cost_that_grew_by_more_than_fifteen_percent_of_its_ratio_is_a_regression() {
    // The floor is 10 and the cost is 5.2, so the ratio is 1.52. 15 % of it are 2.28 ns.
    for (cost, slower) in [(5.2, 0), (7.4, 0), (7.6, 1), (1.0, 0)] {
        let mut now = report();
        now.packets[2].costs[0].above_floor = stat(cost);
        let changes = changes(&report(), &now).unwrap();
        let regressions = changes.iter().filter(|change| change.is_regression());
        assert_eq!(regressions.count(), slower, "{cost}");
    }
    // A machine on which everything takes twice as long is not a regression.
    let mut now = report();
    now.packets.iter_mut().for_each(|packet| {
        packet.floor = stat(2.0 * packet.floor.median);
        packet.costs.iter_mut().for_each(|cost| cost.above_floor = stat(2.0 * cost.above_floor.median));
    });
    assert!(changes(&report(), &now).unwrap().iter().all(|change| !change.is_regression()));
    now.packets[2].costs.remove(0);
    assert!(changes(&report(), &now).is_err(), "what is gone does not compare");
}

#[test]
fn a_report_is_read_as_it_was_written() {
    let directory = d365_tests::temp::TempDir::new("report");
    let report = report();
    report.write(directory.path()).unwrap();
    assert_eq!(Report::read(&directory.file("bench.json")).unwrap(), report);
    for name in ["bench.md", "packets.svg", "scaling.svg", "end_to_end.svg"] {
        assert!(directory.file(name).is_file(), "{name}");
    }
    let error = Report::read(&directory.file("bench.md")).unwrap_err();
    assert!(error.to_string().contains("no report"), "{error}");
}

#[test]
fn the_middle_of_some_values_and_each_value_in_its_place() {
    let of = |values: &[f64]| Stat::of(values).unwrap();
    assert_eq!((of(&[3.0, 1.0, 2.0]).median, of(&[4.0, 1.0, 2.0, 3.0]).median), (2.0, 2.5));
    assert!(Stat::of(&[]).is_err());
    let above = Stat::of_differences(&[30.0, 20.0, 21.0], &[10.0, 10.0, 12.0]).unwrap();
    assert_eq!((above.median, above.least, above.most), (10.0, 9.0, 20.0), "round by round");
    let mut calls = Vec::new();
    let values = interleaved(2, &[1.0, 2.0, 3.0], |subject| {
        calls.push(*subject);
        Ok(subject * 10.0)
    });
    assert_eq!(values.unwrap(), [[10.0; 2], [20.0; 2], [30.0; 2]], "the first round does not count");
    assert_eq!(calls, [1.0, 2.0, 3.0, 2.0, 3.0, 1.0, 3.0, 1.0, 2.0], "each is first in turn");
}
