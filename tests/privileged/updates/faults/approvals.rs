//! Approvals that the daemon must not carry out: for changes that no longer wait, damaged, or with a digest
//! that nobody has seen.

use std::fs;

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    require,
    task::{self, Done},
    temp::TempDir,
};
use d365_user::gate::approval::{self, Approval, Request};

use super::{
    super::site::{Site, pending, ranges, wait_until},
    Counted, Watched, prefixes,
};

/// Runs `d365-user approve --yes` on the state directory of these options.
pub(super) fn approve(options: &DaemonOptions) -> Done {
    let state = options.state.as_ref().unwrap().path();
    task::run(&["approve", "--yes", "--state-dir", state.to_str().unwrap()]).unwrap()
}

/// Renames a list of twenty ranges into place, without the one at `but`.
fn replace(directory: &TempDir, but: Option<usize>) {
    let mut list = prefixes(20);
    if let Some(but) = but {
        list.remove(but);
    }
    fs::write(directory.file("new"), list.join("\n")).unwrap();
    fs::rename(directory.file("new"), directory.file("list")).unwrap();
}

fn start(site: &Site) -> (TempDir, String, DaemonOptions) {
    let directory = TempDir::new("list");
    replace(&directory, None);
    let source = format!("file:{}", directory.file("list").display());
    let options = site.options(&[&source]);
    (directory, source, options)
}

/// The operator approves a removal while no daemon runs, and the file then removes another range. The next
/// daemon carries out the approval before it reads anything. The approved range is listed again and comes
/// back.
#[test]
fn what_was_not_seen_is_not_approved() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let (directory, _, options) = start(&site);
    let watched = Watched::start(&site, &options, 20);
    replace(&directory, Some(3));
    watched.reads_now();
    wait_until(&watched.daemon, "a removal that waits", |scrape| pending(scrape, "removal") == 1);
    watched.stop();
    assert_eq!(approve(&options).code, Some(0));

    replace(&directory, Some(4));
    let mut watched = Watched::start(&site, &options, 20);
    watched.says(0, "is carried out");
    let fields = "range=11.0.3.0/24 geo=ZZZ geo_source=unknown by=\"offered again\"";
    watched.says(0, &format!("the range is listed from now on {fields}"));
    assert_eq!(pending(&watched.daemon.scrape().unwrap(), "removal"), 1);
    watched.goes_on();
    let state = options.state.as_ref().unwrap();
    assert!(!state.file("approval.json").exists());

    // The request is for other changes than those that wait now.
    let stale = Approval {
        source: format!("file:{}", directory.file("list").display()),
        digest: "0".repeat(64),
        prefixes: None,
        reject: false,
    };
    approval::submit(state.path(), &Request { id: "1-1".to_owned(), approvals: vec![stale] }).unwrap();
    watched.says(0, "is not carried out: other changes wait by now");
    watched.goes_on();
    wait_until(&watched.daemon, "the answer", |_| {
        fs::read_to_string(state.file("approval-answer.json")).is_ok_and(|answer| answer.contains("stale"))
    });
    // After a new look at the changes the approval works, and it removes the other range.
    let done = approve(&options);
    assert!(done.code == Some(0) && done.stdout.contains("11.0.4.0/24"), "{done:?}");
    watched.takes(19);
    assert!(
        !watched.published.ranges.contains("11.0.4.0/24") && watched.published.ranges.contains("11.0.3.0/24")
    );
    watched.stop();
}

#[test]
fn a_damaged_approval_is_counted_and_put_away_and_the_next_one_works() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let (directory, source, options) = start(&site);
    let mut watched = Watched::start(&site, &options, 20);
    replace(&directory, Some(3));
    watched.reads_now();
    wait_until(&watched.daemon, "a removal that waits", |scrape| pending(scrape, "removal") == 1);
    let state = options.state.as_ref().unwrap();
    let (path, aside) = (state.file("approval.json"), state.file("approval.json.corrupt"));

    // The cases are half of a good request, a changed byte, an empty file, and two things that are not files.
    let good = {
        let request = Request {
            id: "1-1".to_owned(),
            approvals: vec![Approval { source, digest: "0".repeat(64), prefixes: None, reject: false }],
        };
        let elsewhere = TempDir::new("request");
        approval::submit(elsewhere.path(), &request).unwrap();
        fs::read(elsewhere.file("approval.json")).unwrap()
    };
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let damage: [&dyn Fn(); 5] = [
        &|| fs::write(&path, &good[..good.len() / 2]).unwrap(),
        &|| fs::write(&path, &flipped).unwrap(),
        &|| fs::write(&path, "").unwrap(),
        &|| std::os::unix::fs::symlink("/dev/zero", &path).unwrap(),
        &|| fs::create_dir(&path).unwrap(),
    ];
    let says = format!("{} is damaged", path.display());
    for damage in damage {
        let _ = fs::remove_file(&aside);
        watched.fails(Counted::State("approval"), &says, damage);
        assert!(fs::symlink_metadata(&path).is_err() && fs::symlink_metadata(&aside).is_ok());
    }
    assert_eq!(Counted::State("approval").of(&watched.daemon.scrape().unwrap()), 5, "each is tried once");

    // The request is complete, but for changes that were never shown.
    fs::write(&path, &good).unwrap();
    watched.says(0, "is not carried out: other changes wait by now");
    watched.goes_on();
    assert_eq!(approve(&options).code, Some(0));
    watched.takes(19);
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
    site.server.route("/doc", [d365_tests::https::Answer::ok(&broad)]);
    let options = site.options(&[&source]);
    let watched = Watched::start(&site, &options, 4);
    wait_until(&watched.daemon, "a range that waits", |scrape| pending(scrape, "broad") == 1);
    watched.stop();
    fs::write(options.state.as_ref().unwrap().file("gate.json"), "nonsense").unwrap();
    let daemon: Daemon = site.start(&options);
    let scrape = wait_until(&daemon, "a range that waits", |scrape| pending(scrape, "broad") == 1);
    assert_eq!(ranges(&scrape), 4);
    daemon.stop().unwrap();
}
