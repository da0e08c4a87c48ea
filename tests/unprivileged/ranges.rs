//! `d365-user ranges`: the embedded list and the register of geos as an operator sees them, compared with the
//! documentation.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{collections::BTreeMap, fs, path::Path};

use d365_tests::{require, task, temp::TempFile};
use d365_user::{
    geo::{GeoCode, REGISTER},
    ranges::{Policy, Range, RangeSet},
    source::{self, ListEntry, Spec},
};
use ipnet::IpNet;
use serde_json::Value;

fn text(flags: &[&str]) -> String {
    let done = task::run(&[&["ranges"], flags].concat()).unwrap();
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
    done.stdout
}

fn json(flags: &[&str]) -> Value {
    serde_json::from_str(&text(&[&["--json"], flags].concat())).unwrap()
}

/// Number, code, mark and name of every geo that a mark can contain.
fn register(base: u32) -> Vec<[String; 4]> {
    let row = |number: u8, code: &str, name: &str| {
        [number.to_string(), code.to_owned(), format!("{:#010x}", base | u32::from(number)), name.to_owned()]
    };
    let registered = REGISTER.iter().map(|geo| row(geo.number, geo.code.as_str(), geo.name));
    std::iter::once(row(0, "–", "no registered geo")).chain(registered).collect()
}

#[test]
fn the_register_of_geos_is_shown_with_its_marks() {
    require!(Daemon);
    for (flags, base) in [(&[][..], 0xd365_0000), (&["--mark", "0x4d00/0xff00"], 0x4d00)] {
        let flags = [&["--geos"], flags].concat();
        let report = json(&flags);
        let word = |value: &Value| value.as_str().unwrap_or("–").to_owned();
        let row = |geo: &Value| {
            [geo["number"].to_string(), word(&geo["code"]), word(&geo["mark"]), word(&geo["name"])]
        };
        let shown: Vec<_> = report["geos"].as_array().unwrap().iter().map(row).collect();
        assert_eq!(shown, register(base));
        let table = text(&flags);
        let rows = table.lines().skip(3).map(|line| {
            let mut words = line.split_whitespace().map(str::to_owned);
            let [number, code, mark] = std::array::from_fn(|_| words.next().unwrap());
            [number, code, mark, words.collect::<Vec<_>>().join(" ")]
        });
        assert_eq!(rows.collect::<Vec<[String; 4]>>(), register(base), "{table}");
    }
}

/// Operators compare these numbers in their firewalls, so the page must list the marks that packets get.
#[test]
fn the_documents_table_of_geos_is_the_register() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/tags.md");
    let page = fs::read_to_string(page).unwrap();
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    let rows = page.lines().skip_while(|line| *line != "| number | code | mark | name |").skip(2);
    let rows = rows.take_while(|line| line.starts_with('|')).map(cells);
    let documented: Vec<Vec<String>> = rows.collect();
    let plain = |row: &Vec<String>| row.iter().map(|cell| cell.replace('`', "")).collect::<Vec<_>>();
    assert_eq!(documented.iter().map(plain).collect::<Vec<_>>(), register(0xd365_0000));
}

#[test]
fn every_embedded_range_is_shown_with_its_mark() {
    require!(Daemon);
    let expected: BTreeMap<_, _> =
        embedded().into_iter().map(|range| (range.prefix.to_string(), (range.geo, range.region))).collect();
    let report = json(&[]);
    let shown = report["ranges"].as_array().unwrap();
    assert_eq!((shown.len(), expected.len()), (39, 39));
    let table = text(&[]);
    for range in shown {
        let prefix = range["prefix"].as_str().unwrap();
        let (geo, region) = &expected[prefix];
        assert_eq!(range["geo"], geo.code.as_str(), "{prefix}");
        assert_eq!(range["geo_source"], geo.source.as_str(), "{prefix}");
        assert_eq!(range["geo_number"], geo.code.number(), "{prefix}");
        assert_eq!(range["region"].as_str(), region.as_deref(), "{prefix}");
        let mark = format!("{:#010x}", 0xd365_0000 + u32::from(geo.code.number()));
        assert_eq!(range["mark"], mark, "{prefix}");
        let line = table.lines().find(|line| line.split_whitespace().next() == Some(prefix)).unwrap();
        let cells: Vec<_> = line.split_whitespace().collect();
        let region = region.as_deref().unwrap_or("–");
        assert_eq!(cells, [prefix, geo.code.as_str(), geo.source.as_str(), region, &mark]);
    }
    assert!(table.starts_with("# embedded: 39 ranges, 2026-08-03, change number 412;"), "{table}");
}

fn embedded() -> Vec<Range> {
    let list = source::load(&Spec::Embedded).unwrap();
    RangeSet::build(&[list], &Policy::default()).unwrap().ranges().to_vec()
}

/// The embedded list as an operator would write it in a list of his own.
fn own() -> Vec<(IpNet, Option<GeoCode>, Option<String>)> {
    embedded().into_iter().map(|range| (range.prefix, Some(range.geo.code), range.region)).collect()
}

fn read(path: &Path) -> Vec<(IpNet, Option<GeoCode>, Option<String>)> {
    let entries = source::load(&Spec::File(path.into())).unwrap().entries.into_iter();
    entries.map(|ListEntry { prefix, geo, region, .. }| (prefix, geo, region)).collect()
}

/// The list as table and as JSON, with two marks, and the file from which the embedded list is compiled.
#[test]
fn what_the_project_prints_as_a_list_it_reads_again() {
    require!(Daemon);
    let printed = [text(&[]), text(&["--mark", "0x4d00/0xff00"]), text(&["--json"])];
    for printed in printed {
        assert_eq!(read(TempFile::new("printed", &printed).path()), own(), "{printed}");
        let windows = TempFile::new("printed", printed.replace('\n', "\r\n"));
        assert_eq!(read(windows.path()), own());
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../d365-user/data/embedded-ranges.csv");
    assert_eq!(read(&file), own());
    // A register of geos contains no ranges.
    for flags in [&["--geos"][..], &["--geos", "--json"]] {
        let printed = TempFile::new("printed", text(flags));
        let error = source::load(&Spec::File(printed.path().into())).unwrap_err();
        assert!(["syntax", "shape"].contains(&error.reason().as_str()), "{error}");
    }
}
