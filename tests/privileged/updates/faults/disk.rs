//! The state directory is on a full disk: everything works except the writing, and the daemon writes later.

use std::{fs, io::ErrorKind, path::Path};

use d365_tests::{
    daemon::DaemonOptions,
    https::Answer,
    mount::{Mount, SMALL_DISK, View},
    require, task,
};
use d365_user::{
    gate::{GatePolicy, gates},
    source::documents,
};
use nix::sys::signal::Signal;

use super::{
    super::site::{Site, wait_until},
    Counted, Watched, tags,
};

/// A view with the small disk, and options of a daemon that keeps its state there.
fn on_a_small_disk(site: &Site) -> (View, DaemonOptions) {
    let view = View::new(&site.lab.host, &[Mount::SmallDisk]).unwrap();
    let options = DaemonOptions { state: None, ..site.options(&[&site.source("/doc")]) };
    let options = options.args(["--confirm-after", "1s", "--state-dir", SMALL_DISK]).view(&view);
    (view, options)
}

fn fill(view: &View) {
    let filler = Path::new(SMALL_DISK).join("filler");
    let error = view.run(|| fs::write(filler, vec![0; 1 << 20])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
}

fn free(view: &View) {
    view.run(|| fs::remove_file(Path::new(SMALL_DISK).join("filler"))).unwrap();
}

fn gates_of(view: &View) -> gates::Gates {
    view.run(|| gates::look(Path::new(SMALL_DISK), GatePolicy::default())).unwrap().expect("it is there")
}

/// Number of ranges that the gates on the disk have accepted.
fn accepted(view: &View) -> usize {
    gates_of(view).values().map(|gate| gate.accepted().len()).sum()
}

fn is_there(view: &View, name: &str) -> bool {
    view.run(|| Path::new(SMALL_DISK).join(name).is_file())
}

#[test]
fn a_list_is_taken_while_nothing_can_be_kept_and_kept_when_it_can() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let (view, options) = on_a_small_disk(&site);
    site.server.route("/doc", [Answer::ok(tags(20)).header("ETag", "\"20\"")]);
    let mut watched = Watched::start(&site, &options, 20);
    let kept = documents::file_name(&site.source("/doc"));
    site.server.route("/doc", [Answer::ok(tags(19))]);
    wait_until(&watched.daemon, "a step back that waits", |_| {
        is_there(&view, "gate.json") && gates_of(&view).values().any(|gate| gate.pending().len() > 0)
    });
    fill(&view);
    // On a full disk, `approve` reports that nothing was approved.
    let done = view.run(|| task::run(&["approve", "--yes", "--state-dir", SMALL_DISK])).unwrap();
    assert!(done.code != Some(0) && done.stderr.contains("cannot write /mnt/approval.json"), "{done:?}");
    watched.goes_on();
    site.server.route("/doc", [Answer::ok(tags(20)).header("ETag", "\"20\"")]);
    watched.fails(Counted::State("gates"), "cannot write /mnt/gate.json: No space left on device", || ());
    let mark = watched.daemon.log().len();
    site.server.route("/doc", [Answer::ok(tags(21)).header("ETag", "\"21\"")]);
    watched.takes(21);
    for (operation, name) in [("gates", "gate.json"), ("document", &kept)] {
        wait_until(&watched.daemon, operation, |scrape| Counted::State(operation).of(scrape) > 0);
        watched.says(mark, &format!("cannot write /mnt/{name}: No space left on device"));
    }
    watched.says(mark, "check space and permissions");
    assert_eq!(accepted(&view), 20);

    // The disk has space again. The daemon writes everything, without another list and without a restart.
    free(&view);
    wait_until(&watched.daemon, "gate.json", |_| accepted(&view) == 21);
    let document = || view.run(|| documents::look(Path::new(SMALL_DISK), &site.source("/doc"))).unwrap();
    wait_until(&watched.daemon, "the document", |_| {
        document().expect("it is there").bytes == tags(21).as_bytes()
    });

    // After a crash, the next daemon finds everything.
    watched.ends_by(Signal::SIGKILL);
    site.server.route("/doc", [Answer::status(503)]);
    Watched::start(&site, &options, 21).stop();
}
