//! `d365-user drift` with the vendor's documents, and with usable and damaged state directories. The
//! privileged tests cover the list that the kernel holds.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::pipe,
    path::Path,
};

use d365_tests::{
    require,
    task::{self, Done},
    temp::{TempDir, TempFile},
    vendor::Documents,
};
use ipnet::IpNet;
use serde_json::Value;

mod kept;

const TAG: &str = "Dynamics365ForMarketingEmail";

/// The prefixes of the tag's main entry, read without the daemon's parser.
fn tag_of(documents: &Documents, name: &str) -> BTreeSet<IpNet> {
    let document: Value = serde_json::from_slice(&documents.document(name)).unwrap();
    let entry = document["values"].as_array().unwrap().iter().find(|value| value["name"] == TAG);
    let prefixes = entry.unwrap()["properties"]["addressPrefixes"].as_array().unwrap();
    prefixes.iter().map(|prefix| prefix.as_str().unwrap().parse().unwrap()).collect()
}

/// The newest tag's prefixes, which are those of the embedded list, read without the daemon's parser.
fn extract(documents: &Documents) -> BTreeSet<IpNet> {
    let text = documents.newest_tag();
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// Runs `drift --json` with an empty state directory unless the flags name one.
fn drift(flags: &[&str]) -> (Option<i32>, Value) {
    let empty = TempDir::new("drift");
    let state = ["--state-dir", empty.path().to_str().unwrap()];
    let state = if flags.contains(&"--state-dir") { &[][..] } else { &state };
    let done = task::run(&[&["drift", "--json"], flags, state].concat()).unwrap();
    assert_eq!(done.stderr, "");
    (done.code, serde_json::from_str(&done.stdout).unwrap())
}

fn with_document(documents: &Documents, name: &str) -> (Option<i32>, Value) {
    drift(&["--document", documents.file(name).path().to_str().unwrap()])
}

fn list<'a>(report: &'a Value, name: &str) -> &'a Value {
    let lists = report["lists"].as_array().unwrap().iter();
    lists.clone().find(|list| list["name"] == name).unwrap_or_else(|| panic!("no list {name} in {report:#}"))
}

/// The mark of each prefix in a list: its geo, `retired` or `absent`.
fn marks(report: &Value, list: &str) -> BTreeMap<IpNet, String> {
    let mark = |row: &Value| {
        let mark = row["marks"].get(list)?;
        let word = mark["geo"].as_str().filter(|_| mark["mark"] == "listed").or(mark["mark"].as_str());
        Some((row["prefix"].as_str()?.parse().ok()?, word?.to_owned()))
    };
    report["prefixes"].as_array().unwrap().iter().filter_map(mark).collect()
}

fn differing(report: &Value) -> BTreeSet<IpNet> {
    let rows = report["prefixes"].as_array().unwrap().iter().filter(|row| row["differs"] == true);
    rows.map(|row| row["prefix"].as_str().unwrap().parse().unwrap()).collect()
}

fn words(code: i32, done: &Done) -> String {
    assert_eq!((done.code, done.stdout.as_str()), (Some(code), ""), "{done:?}");
    assert_eq!(done.stderr.lines().count(), 1, "{}", done.stderr);
    done.stderr.clone()
}

/// Differences that are expected, with their reason.
fn expected(report: &Value) -> BTreeMap<IpNet, String> {
    let rows = report["prefixes"].as_array().unwrap().iter();
    let reason = |row: &Value| {
        let reason = row["expected"].as_str()?.to_owned();
        Some((row["prefix"].as_str()?.parse().ok()?, reason))
    };
    rows.filter_map(reason).collect()
}

#[test]
fn an_older_document_lacks_what_came_since_and_a_newer_one_shows_that_the_build_is_older() {
    require!(Daemon);
    let name = "public-2026-cn398.json";
    for documents in Documents::all() {
        let (code, report) = with_document(&documents, name);
        let (tag, embedded) = (tag_of(&documents, name), extract(&documents));
        assert_eq!((code, tag.len(), embedded.len()), (Some(1), 22, 39));
        assert_eq!(differing(&report), embedded.symmetric_difference(&tag).copied().collect());
        assert_eq!(differing(&report).len(), 17);
        let (whole, regions) = (marks(&report, "service tag"), marks(&report, "its regions"));
        assert_eq!(whole, regions, "the whole is the union of its regions");
        let ours = marks(&report, "embedded");
        for (prefix, said) in &whole {
            let expected = if tag.contains(prefix) { &ours[prefix] } else { "absent" };
            assert_eq!(said, expected, "{prefix}");
        }
        assert_eq!(marks(&report, "documented").len(), 15);
        let source = &list(&report, "service tag")["sources"][0];
        assert_eq!((&source["change_number"], &source["tag_change_number"]), (&398.into(), &4.into()));

        // The same document, with a higher change number than that of the build.
        let mut document: Value = serde_json::from_slice(&documents.document(name)).unwrap();
        document["changeNumber"] = 413.into();
        let file = TempFile::new("newer", document.to_string());
        let path = file.path().to_str().unwrap();
        let (code, report) = drift(&["--document", path]);
        assert_eq!((code, report["differ"].as_bool(), differing(&report).len()), (Some(0), Some(false), 17));
        let reasons: Vec<_> = expected(&report).into_values().collect();
        assert_eq!(reasons, ["build"; 17]);
        let state = TempDir::new("drift");
        let flags = ["drift", "--document", path, "--state-dir", state.path().to_str().unwrap()];
        let done = task::run(&flags).unwrap();
        assert_eq!(done.code, Some(0));
        let agree = "agree, but for what is expected. 17 of 39 prefixes differ as expected.";
        for said in ["this build is older", agree] {
            assert!(done.stdout.contains(said), "{said} is not in {}", done.stdout);
        }
    }
}

#[test]
fn another_clouds_document_shows_as_one() {
    require!(Daemon);
    let clouds = [
        ("government-2026-05-04-cn391.json", "AzureGovernment", true),
        ("china-2026-05-04-cn394.json", "China", false),
    ];
    for (documents, (name, cloud, regional)) in
        Documents::all().iter().flat_map(|documents| clouds.map(|cloud| (documents, cloud)))
    {
        let (code, report) = with_document(documents, name);
        let expected: BTreeSet<_> = extract(documents).union(&tag_of(documents, name)).copied().collect();
        assert_eq!((code, expected.len()), (Some(1), 41));
        assert_eq!(differing(&report), expected);
        assert_eq!(list(&report, "service tag")["sources"][0]["cloud"], cloud);
        assert_eq!(list(&report, "its regions")["compared"], regional, "{name}");
        let file = documents.file(name);
        let done = task::run(&["drift", "--document", file.path().to_str().unwrap()]).unwrap();
        assert!(done.stdout.contains(&format!("cloud {cloud}")), "{}", done.stdout);
    }
}

#[test]
fn the_built_in_lists_agree_by_themselves() {
    require!(Daemon);
    let (code, report) = drift(&[]);
    assert_eq!((code, differing(&report).len()), (Some(0), 0), "{report:#}");
    for missing in ["service tag", "its regions", "accepted"] {
        let list = list(&report, missing);
        assert_eq!(list["compared"], false, "{missing}");
        assert!(!list["remarks"].as_array().unwrap().is_empty(), "{missing}: nothing says why");
    }
}

#[test]
fn what_is_no_document_is_refused() {
    require!(Daemon);
    for documents in Documents::all() {
        let rejected = documents.rejected().into_iter().map(|(name, bytes)| TempFile::new(&name, bytes));
        let files: Vec<TempFile> = rejected.chain([documents.file("public-2019-07-22-cn82.json")]).collect();
        let missing = Path::new("/nonexistent/document.json");
        for path in files.iter().map(TempFile::path).chain([missing]) {
            let path = path.to_str().unwrap();
            let said = words(3, &task::run(&["drift", "--document", path]).unwrap());
            assert!(said.contains(path), "{said}");
        }
    }
}

#[test]
fn a_pipe_is_a_document_and_one_without_a_writer_is_not_waited_for_for_ever() {
    require!(Daemon);
    let directory = TempDir::new("drift");
    let pipe = directory.file("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for documents in Documents::all() {
        let name = "public-2026-cn398.json";
        let (_, from_pipe) = std::thread::scope(|scope| {
            scope.spawn(|| fs::write(&pipe, documents.document(name)).unwrap());
            drift(&["--document", pipe.to_str().unwrap()])
        });
        let (_, from_file) = with_document(&documents, name);
        assert_eq!(from_pipe["prefixes"], from_file["prefixes"], "{documents}");
        assert!(from_pipe["prefixes"].as_array().is_some_and(|rows| !rows.is_empty()));
    }

    let started = std::time::Instant::now();
    let said = words(3, &task::run(&["drift", "--document", pipe.to_str().unwrap()]).unwrap());
    assert!(said.contains("no answer within 30s"), "{said}");
    assert!((30..60).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
}

#[test]
fn a_reader_that_has_gone_is_no_error_and_a_full_disk_is() {
    require!(Daemon);
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let state = TempDir::new("drift");
    let mut command = task::command(&["drift", "--state-dir", state.path().to_str().unwrap()]).unwrap();
    let done = command.stdout(writer).output().unwrap();
    assert_eq!((done.status.code(), done.stderr), (Some(0), vec![]));
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let done = command.stdout(full).output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(1));
    assert!(said.starts_with("error: cannot write to standard output"), "{said}");
}
