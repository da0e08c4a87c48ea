//! `d365-user export`: the published list of a state directory, its file, and its refusals.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
};

use d365_tests::{
    require,
    task::{self, Done},
    temp::TempDir,
};
use d365_user::{
    geo::{Geo, GeoCode, GeoSource},
    published::{Lease, PublishedList, PublishedRange, PublishedSource, file},
    state_files,
};

/// A state directory, and a directory for files.
struct Place {
    state: TempDir,
    files: TempDir,
}

impl Place {
    /// A range of Canada, trusted without an end, and one of Korea, whose lease ended in 1970.
    fn new() -> Self {
        let place = Self { state: TempDir::new("state"), files: TempDir::new("exports") };
        let range = |prefix: &str, code: &str, source| PublishedRange {
            prefix: prefix.parse().unwrap(),
            geo: Geo { code: GeoCode::new(code).unwrap(), source: GeoSource::Configured },
            region: None,
            sources: vec![source],
        };
        let source =
            |name: &str, lease| PublishedSource { name: name.to_owned(), lease, ..Default::default() };
        let list = PublishedList {
            generation: 7,
            sources: vec![source("embedded", Lease::Endless), source("azure", Lease::Until(1))],
            ranges: vec![range("13.71.171.0/24", "CAN", 0), range("2001:db8::/48", "KOR", 1)],
            ..Default::default()
        };
        file::save(&state_files::open(place.state.path()).unwrap(), &list).unwrap();
        place
    }

    fn export(&self, flags: &[&str]) -> Done {
        let state = self.state.path().to_str().unwrap();
        task::run(&[&["export", "--state-dir", state], flags].concat()).unwrap()
    }

    /// Exports to a file of this name. Returns the exit code and the file's text.
    fn write(&self, name: &str, flags: &[&str]) -> (Option<i32>, String) {
        let path = self.files.file(name);
        let done = self.export(&[&["--output", path.to_str().unwrap()], flags].concat());
        (done.code, fs::read_to_string(path).unwrap_or_default())
    }

    fn template(&self, text: &str) -> String {
        let path = self.files.file("template.j2");
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

#[test]
fn a_file_is_replaced_as_a_whole_and_only_if_it_changes() {
    require!(Daemon);
    let place = Place::new();
    let (code, text) = place.write("a.txt", &["--format", "plain"]);
    assert_eq!(code, Some(0));
    assert!(text.starts_with("# LEASE OVER: 1 of 2 ranges are not confirmed any more\n# d365 generation 7,"));
    assert!(
        text.ends_with("# made by: d365-user export --format plain\n13.71.171.0/24\n2001:db8::/48\n"),
        "{text}"
    );
    assert_eq!(text, place.export(&["--format", "plain"]).stdout);
    let metadata = || fs::metadata(place.files.file("a.txt")).unwrap();
    let before = metadata();
    assert_eq!(before.permissions().mode() & 0o777, 0o644);
    place.write("a.txt", &["--format", "plain"]);
    assert_eq!(metadata().ino(), before.ino());
    place.write("a.txt", &["--format", "plain", "--geo", "CAN"]);
    assert_ne!(metadata().ino(), before.ino());
    assert_eq!(fs::read_dir(place.files.path()).unwrap().count(), 1, "no other file is left");
}

#[test]
fn without_a_list_the_old_file_stays() {
    require!(Daemon);
    let place = Place::new();
    let (_, old) = place.write("a.txt", &["--format", "plain"]);
    let refused = |code, flags: &[&str]| {
        let flags = [&["--format", "plain"], flags].concat();
        assert_eq!(place.write("a.txt", &flags), (Some(code), old.clone()), "{flags:?}");
    };
    refused(3, &["--geo", "APJ"]);
    refused(1, &["--on-lapse", "fail"]);
    let empty = TempDir::new("empty");
    let done =
        task::run(&["export", "--format", "plain", "--state-dir", empty.path().to_str().unwrap()]).unwrap();
    assert_eq!((done.code, done.stdout.as_str()), (Some(3), ""));
    assert!(done.stderr.contains("has no published list"), "{}", done.stderr);
    // An ended lease may leave nothing.
    let (code, text) = place.write("a.txt", &["--format", "plain", "--geo", "KOR", "--on-lapse", "empty"]);
    assert_eq!(code, Some(0));
    assert!(text.starts_with("# LEASE OVER: 1 of 1 ranges are left out\n"), "{text}");
    assert!(text.lines().all(|line| line.starts_with('#')), "{text}");
}

#[test]
fn a_template_takes_the_place_of_a_format() {
    require!(Daemon);
    let place = Place::new();
    let template =
        place.template("{% for net in aggregated %}\n{{ net.first }}/{{ net.mask }}\n{% endfor %}\n");
    let done = place.export(&["--template", &template]);
    assert_eq!(
        (done.code, done.stdout.as_str()),
        (Some(0), "13.71.171.0/255.255.255.0\n2001:db8::/ffff:ffff:ffff::\n")
    );
    let refused = |flags: &[&str], words: &str| {
        let (code, text) = place.write("b.txt", flags);
        assert_eq!((code, text.as_str()), (Some(2), ""), "{flags:?}");
        let stderr = place.export(flags).stderr;
        assert!(stderr.contains(words), "{stderr}");
    };
    refused(&["--template", &template, "--format", "plain"], "cannot be used with");
    refused(&[], "--format <FORMAT>");
    refused(&["--format", "xml"], "possible values: plain, json, csv");
    refused(&["--template", "/nowhere/t.j2"], "/nowhere/t.j2: No such file");
    refused(&["--template", &place.template("a\n{{ b")], "template.j2: line 2: syntax error");
    refused(&["--template", &place.template("a\nb\n{{ colour }}")], "template.j2: line 3: undefined value");
}
