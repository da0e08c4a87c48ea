//! `d365-user drift` with running daemons: it reads the list in the kernel without asking the daemons.
//!
//! It runs in the daemon's namespace with a state directory of the test, so the daemon's own state is not
//! compared.

use std::collections::{BTreeMap, BTreeSet};

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    lab::{Lab, LabOptions},
    require, task,
    temp::{TempDir, TempFile},
};
use d365_user::{
    gate::{
        Gate, GatePolicy,
        gates::{self, Gates},
    },
    geo::{Geo, GeoCode, GeoSource},
    ranges::Range,
};
use serde_json::Value;

use crate::{
    mail::embedded,
    steps::{source, start, started},
};

/// Runs `drift --json` in the lab's host namespace.
fn drift(lab: &Lab, state: &TempDir) -> (Option<i32>, Value) {
    let flags = ["drift", "--json", "--state-dir", state.path().to_str().unwrap()];
    let done = lab.host.run(|| task::run(&flags)).unwrap();
    assert_eq!(done.stderr, "");
    (done.code, serde_json::from_str(&done.stdout).unwrap())
}

/// The list of the program on `iface`: the geo of each prefix.
fn held(report: &Value, iface: &str) -> BTreeMap<String, String> {
    let column = format!("kernel {iface}");
    let rows = report["prefixes"].as_array().unwrap().iter();
    let listed = rows.filter(|row| row["marks"][&column]["mark"] == "listed");
    let text = |value: &Value| value.as_str().unwrap_or("unnumbered").to_owned();
    listed.map(|row| (text(&row["prefix"]), text(&row["marks"][&column]["geo"]))).collect()
}

fn differing(report: &Value) -> BTreeSet<&str> {
    let rows = report["prefixes"].as_array().unwrap().iter().filter(|row| row["differs"] == true);
    rows.map(|row| row["prefix"].as_str().unwrap()).collect()
}

fn in_no_list(report: &Value) -> u64 {
    report["lists"].as_array().unwrap().iter().map(|list| list["in_no_list"].as_u64().unwrap()).sum()
}

fn listed(ranges: &[Range]) -> BTreeMap<String, String> {
    ranges.iter().map(|range| (range.prefix.to_string(), range.geo.code.to_string())).collect()
}

/// Without privilege, the kernel's list is not readable.
#[test]
fn the_kernel_holds_the_embedded_list() {
    require!(Root, Tool("ip"), Daemon);
    let (lab, _daemon) = started(&[]);
    let (code, report) = drift(&lab, &TempDir::new("drift"));
    assert_eq!((code, differing(&report)), (Some(0), BTreeSet::new()), "{report:#}");
    assert_eq!(held(&report, lab.iface()), listed(embedded().ranges()));
    let done = Daemon::run(&lab.host, &DaemonOptions::on(&[]).args(["drift"]).nobody(&[])).unwrap();
    assert_eq!((done.status.code(), done.stderr.as_str()), (Some(0), ""));
    let line = done.stdout.lines().find(|line| line.starts_with("kernel")).unwrap();
    assert!(line.contains("not readable: ") && line.contains("CAP_SYS_ADMIN"), "{line}");
}

/// The daemon's list replaces one range by a broader one, and it has a range inside another. Only equal
/// prefixes agree.
#[test]
fn a_list_of_ones_own_differs_in_exactly_what_is_different() {
    require!(Root, Tool("ip"), Daemon);
    const GONE: &str = "40.78.242.0/25";
    const MORE: [(&str, &str); 3] =
        [("40.78.242.0/24", "LAB"), ("13.71.171.0/25", "CAN"), ("2603:1000::/32", "EUR")];
    let embedded = embedded();
    let rest = embedded.ranges().iter().filter(|range| range.prefix.to_string() != GONE).cloned();
    let more = MORE.map(|(prefix, code)| {
        let geo = Geo { code: GeoCode::new(code).unwrap(), source: GeoSource::Configured };
        Range { prefix: prefix.parse().unwrap(), geo, region: None }
    });
    let ranges: Vec<Range> = rest.chain(more).collect();
    let lines: String = ranges.iter().map(|range| format!("{},{}\n", range.prefix, range.geo.code)).collect();
    let list = TempFile::new("own", &lines);
    let spec = source(list.path());
    let lab = Lab::new().unwrap();
    let _daemon = start(&lab, &["--ranges", &spec]);

    let state = TempDir::new("drift");
    let (code, report) = drift(&lab, &state);
    assert_eq!((code, in_no_list(&report)), (Some(1), 3), "{report:#}");
    assert_eq!(differing(&report), BTreeSet::from([GONE]));

    let gate = Gate::with_baseline(GatePolicy::default(), ranges.clone(), None);
    gates::save(&d365_user::state_files::open(state.path()).unwrap(), &Gates::from([(spec, gate)])).unwrap();
    let (code, report) = drift(&lab, &state);
    assert_eq!((code, in_no_list(&report)), (Some(0), 0), "the gate and the kernel agree: {report:#}");
    assert_eq!(differing(&report), MORE.map(|(prefix, _)| prefix).into_iter().chain([GONE]).collect());
    let mut expected = listed(&ranges);
    expected.insert("40.78.242.0/24".to_owned(), "unnumbered".to_owned());
    assert_eq!(held(&report, lab.iface()), expected, "LAB has no number");
}

#[test]
fn each_program_has_a_column_of_its_own() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::with(LabOptions { links: 3, ..LabOptions::default() }).unwrap();
    let names: Vec<_> = lab.links.iter().map(|link| link.host.name.as_str()).collect();
    let _both = Daemon::start(&lab.host, &DaemonOptions::on(&names[..2])).unwrap();
    let list = TempFile::new("few", "13.71.171.0/24\n");
    let options = DaemonOptions::on(&names[2..]).args(["--ranges", &source(list.path())]);
    let _few = Daemon::start(&lab.host, &options.listen("127.0.0.1:9366".parse().unwrap())).unwrap();
    let (code, report) = drift(&lab, &TempDir::new("drift"));
    assert_eq!((code, in_no_list(&report)), (Some(1), 0));
    let mut both = names[..2].to_vec();
    both.sort_unstable();
    let columns = [both.join(","), names[..2].join(",")].map(|column| held(&report, &column));
    assert!(columns.contains(&listed(embedded().ranges())), "{report:#}");
    assert_eq!(held(&report, names[2]), BTreeMap::from([("13.71.171.0/24".to_owned(), "CAN".to_owned())]));
    assert_eq!(differing(&report).len(), 38);
}
