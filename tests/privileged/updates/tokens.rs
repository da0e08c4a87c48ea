//! A token in a source's URL: the daemon sends it to the server and shows it nowhere. A URL with another
//! token is still the same source.

use std::{collections::BTreeMap, fs, path::Path};

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    https::Answer,
    require,
    scrape::Scrape,
    task::{self, Done},
    temp::TempDir,
};
use d365_user::{
    gate::{Gate, GatePolicy, Offer, Timestamp, Trust, gates},
    geo::Geo,
    ranges::Range,
    source::documents,
    state::{Kind, write_checksummed},
};

use super::{
    faults::{prefixes, tags_of},
    site::{Site, failures, pending, ranges, wait_until},
};

/// The secret in every token.
const SECRET: &str = "s3cret";

/// A document with twenty prefixes, without the one at `but`.
fn document(but: Option<usize>) -> String {
    let mut prefixes = prefixes(20);
    but.map(|but| prefixes.remove(but));
    tags_of(7, &prefixes)
}

/// A path of the server with this token.
fn path(token: &str) -> String {
    format!("/doc?sig={SECRET}{token}")
}

/// Serves a document to clients with this token only.
fn serves(site: &Site, token: &str, but: Option<usize>) {
    site.server.route(&path(token), [Answer::ok(document(but)).header("ETag", &format!("\"{but:?}\""))]);
}

/// Options of a daemon with this source in the environment, which is the right place for a token.
fn options(site: &Site, source: &str) -> DaemonOptions {
    site.options(&[]).env("D365_RANGES", source)
}

fn state(options: &DaemonOptions) -> &TempDir {
    options.state.as_ref().unwrap()
}

/// The output of a task with this state directory.
fn output(task: &str, state: &Path) -> String {
    let Done { stdout, stderr, .. } = task::run(&[task, "--state-dir", state.to_str().unwrap()]).unwrap();
    stdout + &stderr
}

/// Asserts that no file and no output contains the secret.
fn assert_not_shown(daemon: &Daemon, state: &Path) {
    let mut all = BTreeMap::from([
        ("the log".to_owned(), daemon.log()),
        ("/metrics".to_owned(), daemon.get("/metrics", &[]).unwrap().body),
    ]);
    all.extend(["approve", "doctor", "drift"].map(|task| (task.to_owned(), output(task, state))));
    for file in fs::read_dir(state).unwrap() {
        let path = file.unwrap().path();
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        all.insert(path.display().to_string(), text + &path.display().to_string());
    }
    all.retain(|_, text| text.contains(SECRET));
    assert!(all.is_empty(), "{:?}", all.keys());
}

/// At the most detailed log level, with good answers, failures and redirects. Another token, or a name that
/// the operator adds later, does not make another source.
#[test]
fn a_token_is_neither_shown_nor_kept_and_another_one_is_the_same_source() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    serves(&site, "1", None);
    let first = options(&site, &site.source(&path("1"))).args(["--log-level", "trace"]);
    let daemon = site.start(&first);
    let source = format!("url:{}", site.server.url("/doc"));
    let scrape = wait_until(&daemon, "the list", |scrape| ranges(scrape) == 20);
    assert_eq!(scrape.count("d365_generation_info", &[("source", &source)]), 1, "named by host and path");
    for (answer, reason) in [
        (Answer::status(403), "status"),
        (Answer::redirect(&site.server.url("/x?sig=s3cret")), "status"),
        (Answer::redirect("https://mirror.example/x?sig=s3cret"), "host_not_allowed"),
        (Answer::redirect("http://localhost/x?sig=s3cret"), "redirect"),
        (Answer::redirect("https://u:s3cret@localhost/"), "redirect"),
        (Answer::ok("<Error>"), "xml"),
    ] {
        site.server.route(&path("1"), [answer]);
        let failures = |scrape: &Scrape| failures(scrape, reason);
        let before = failures(&daemon.scrape().unwrap());
        wait_until(&daemon, reason, |scrape| failures(scrape) > before);
        assert_not_shown(&daemon, state(&first).path());
        serves(&site, "1", None);
    }
    assert!(site.server.count("/x?sig=s3cret") > 0, "it is asked for whole");
    serves(&site, "1", Some(7));
    wait_until(&daemon, "a removal that waits", |scrape| pending(scrape, "removal") == 1);
    assert_not_shown(&daemon, state(&first).path());
    assert!(output("approve", state(&first).path()).contains(&source), "it is shown by its name");
    assert!(daemon.log().contains("TRACE"), "the level is that");
    daemon.stop().unwrap();

    let another = path("2");
    serves(&site, "2", Some(7));
    for (source, name) in [
        (site.source(&another), source),
        (format!("url:mirror={}", site.server.url(&another)), "url:mirror".to_owned()),
    ] {
        let daemon = site.start(&options(&site, &source).state_of(&first));
        let before = site.server.count(&another);
        let asked_twice = |_: &Scrape| site.server.count(&another) >= before + 2;
        let scrape = wait_until(&daemon, "two readings with the new token", asked_twice);
        let waits_on = (ranges(&scrape), pending(&scrape, "removal")) == (20, 1);
        assert!(waits_on, "{name}; log:\n{}", daemon.log());
        assert_eq!(scrape.count("d365_generation_info", &[("source", &name)]), 1);
        daemon.stop().unwrap();
    }
}

/// The earlier release identified a source by its whole URL and stored that.
#[test]
fn what_an_earlier_release_kept_goes_on_without_its_token() {
    require!(Root, Tool("ip"), Daemon);
    for token in ["1", "2"] {
        let site = Site::new();
        let options = options(&site, &site.source(&path(token)));
        let old = site.source(&path("1"));
        let directory = d365_user::state_files::open(state(&options).path()).unwrap();
        let mut gate = Gate::new(GatePolicy::default());
        let range =
            |prefix: &String| Range { prefix: prefix.parse().unwrap(), geo: Geo::UNKNOWN, region: None };
        let ranges_before = prefixes(20).iter().map(range).collect();
        let offer = Offer { ranges: ranges_before, change_number: Some(7), trust: Trust::Download };
        gate.offer(offer, Timestamp::from(std::time::SystemTime::now()));
        gates::save(&directory, &[(old.clone(), gate)].into()).unwrap();
        let kept = format!(
            "{{\"url\":\"{}\",\"date\":null,\"etag\":null,\"last_modified\":null}}\n{}",
            &old["url:".len()..],
            document(None)
        );
        let kind = Kind { name: "document", oldest: 1, version: 1, limit: u64::MAX };
        write_checksummed(&directory, &documents::file_name(&old), kind, kept.as_bytes()).unwrap();
        drop(directory);
        // Before a daemon has renamed anything, no task shows the token.
        for task in ["approve", "doctor", "drift"] {
            assert!(!output(task, state(&options).path()).contains(SECRET), "{task}");
        }

        serves(&site, token, Some(7));
        let daemon = site.start(&options);
        let scrape = wait_until(&daemon, "a removal that waits", |scrape| pending(scrape, "removal") == 1);
        assert_eq!(ranges(&scrape), 20, "nothing is lost, and nothing is a first list");
        assert_not_shown(&daemon, state(&options).path());
        daemon.stop().unwrap();
    }
}
