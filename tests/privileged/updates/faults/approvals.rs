//! Approvals that the daemon must not carry out: for changes that no longer wait, damaged, or with a digest
//! that nobody has seen.

use std::{fs, os::unix::fs::symlink};

use d365_tests::{https::Answer, require, temp::TempDir};
use d365_user::gate::approval::{self, Approval, Request};

use super::{
    super::site::{Site, approve, pending, ranges, wait_until},
    Counted, Watched,
};
use crate::steps::{ListFile, lines};

/// Twenty ranges, without the one with this number.
fn without(number: u32) -> String {
    lines((0..20).filter(|other| *other != number), "NAM")
}

/// The file of a request for other changes than those that wait.
fn stale(source: &str) -> Vec<u8> {
    let approval =
        Approval { source: source.to_owned(), digest: "0".repeat(64), prefixes: None, reject: false };
    let elsewhere = TempDir::new("request");
    approval::submit(elsewhere.path(), &Request { id: "1-1".to_owned(), approvals: vec![approval] }).unwrap();
    fs::read(elsewhere.file("approval.json")).unwrap()
}

/// The operator approves a removal while no daemon runs, and the file then removes another range. The next
/// daemon carries out the approval before it reads anything. The approved range is listed again and comes
/// back.
#[test]
fn what_was_not_seen_is_not_approved_nor_what_is_damaged() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let list = ListFile::new(lines(0..20, "NAM"));
    let options = site.options(&[&list.source]);
    let watched = Watched::start(&site, &options, 20);
    list.replace(without(3));
    watched.reads_now();
    wait_until(&watched.daemon, "a removal that waits", |scrape| pending(scrape, "removal") == 1);
    watched.stop();
    assert_eq!(approve(&options, &[]).code, Some(0));

    list.replace(without(4));
    let mut watched = Watched::start(&site, &options, 20);
    watched.says(0, "is carried out");
    let fields = "range=11.0.3.0/24 geo=NAM geo_source=configured by=\"offered again\"";
    watched.says(0, &format!("the range is listed from now on {fields}"));
    assert_eq!(pending(&watched.daemon.scrape().unwrap(), "removal"), 1);
    watched.goes_on();
    let state = options.state.as_ref().unwrap();
    let (path, aside) = (state.file("approval.json"), state.file("approval.json.corrupt"));
    assert!(!path.exists());

    // The cases are half of a request, a changed byte, an empty file, and two things that are not files.
    let stale = stale(&list.source);
    let mut flipped = stale.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let damage: [&dyn Fn(); 5] = [
        &|| fs::write(&path, &stale[..stale.len() / 2]).unwrap(),
        &|| fs::write(&path, &flipped).unwrap(),
        &|| fs::write(&path, "").unwrap(),
        &|| symlink("/dev/zero", &path).unwrap(),
        &|| fs::create_dir(&path).unwrap(),
    ];
    let says = format!("{} is damaged", path.display());
    for damage in damage {
        let _ = fs::remove_file(&aside);
        watched.fails(Counted::State("approval"), &says, damage);
        assert!(fs::symlink_metadata(&path).is_err() && fs::symlink_metadata(&aside).is_ok());
    }
    assert_eq!(Counted::State("approval").of(&watched.daemon.scrape().unwrap()), 5, "each is tried once");

    // The whole request is for other changes than those that wait now.
    fs::write(&path, &stale).unwrap();
    watched.says(0, "is not carried out: other changes wait by now");
    watched.goes_on();
    wait_until(&watched.daemon, "the answer", |_| {
        fs::read_to_string(state.file("approval-answer.json")).is_ok_and(|answer| answer.contains("stale"))
    });
    // After a new look at the changes the approval works, and it removes the other range.
    let done = approve(&options, &[]);
    assert!(done.code == Some(0) && done.stdout.contains("11.0.4.0/24"), "{done:?}");
    watched.takes(19);
    let published = &watched.published.ranges;
    assert!(!published.contains("11.0.4.0/24") && published.contains("11.0.3.0/24"), "{published:?}");
    watched.stop();
}

/// The cached document was never checked by a gate. Without the gate's file, a range that is too broad for a
/// download waits again.
#[test]
fn a_range_that_is_too_broad_does_not_come_in_by_a_damaged_gate() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let source = site.source("/doc");
    let broad = super::tags(5).replace("11.0.4.0/24", "13.0.0.0/8");
    site.server.route("/doc", [Answer::ok(&broad)]);
    let options = site.options(&[&source]);
    let watched = Watched::start(&site, &options, 4);
    wait_until(&watched.daemon, "a range that waits", |scrape| pending(scrape, "broad") == 1);
    watched.stop();
    fs::write(options.state.as_ref().unwrap().file("gate.json"), "nonsense").unwrap();
    let daemon = site.start(&options);
    let scrape = wait_until(&daemon, "a range that waits", |scrape| pending(scrape, "broad") == 1);
    assert_eq!(ranges(&scrape), 4);
    daemon.stop().unwrap();
}
