//! Damaged files in the state directory: each file in turn, in each way. The daemon starts, logs the file and
//! its new name, and continues with the best that is left. A damaged approval is in `approvals.rs`, because
//! it can come at any time.

use std::{fs, path::Path};

use d365_tests::{daemon::DaemonOptions, https::Answer, require, scrape::Scrape};
use d365_user::source::documents;

use super::{
    super::site::{Site, failures, ranges, wait_until},
    Counted, Watched, tags,
};
type Damage = fn(&Path);

/// The kinds of damage.
const DAMAGE: [(&str, Damage); 6] = [
    ("cut off", |path| {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    }),
    ("another byte", |path| {
        let mut bytes = fs::read(path).unwrap();
        *bytes.last_mut().unwrap() ^= 4;
        fs::write(path, bytes).unwrap();
    }),
    ("empty", |path| fs::write(path, "").unwrap()),
    ("a directory", |path| {
        fs::remove_file(path).unwrap();
        fs::create_dir_all(path.join("something")).unwrap();
    }),
    ("a link to nowhere", |path| link(path, "/nonexistent")),
    ("a link to what never ends", |path| link(path, "/dev/zero")),
];

fn link(path: &Path, to: &str) {
    fs::remove_file(path).unwrap();
    std::os::unix::fs::symlink(to, path).unwrap();
}

/// Damages `name` in each way and starts a daemon after each. The list must be published and count mail; the
/// damage must be counted once and logged.
fn starts(site: &Site, options: &DaemonOptions, name: &str, operation: &str) {
    let state = options.state.as_ref().unwrap();
    let (path, aside) = (state.file(name), state.file(&format!("{name}.corrupt")));
    let whole = fs::read(&path).unwrap();
    for (how, damage) in DAMAGE {
        if !path.exists() {
            fs::write(&path, &whole).unwrap();
        }
        damage(&path);
        let watched = Watched::start(site, options, 4);
        let is_down = |scrape: &Scrape| failures(scrape, "status") > 0;
        let scrape = wait_until(&watched.daemon, "the source's failure", is_down);
        assert_eq!(Counted::State(operation).of(&scrape), 1, "{how}");
        assert_eq!(scrape.sum("d365_state_failures_total", &[]), 1, "{how}");
        let says = format!("{} is damaged: ", path.display());
        let log = watched.stop().stderr;
        let line = log.lines().find(|line| line.contains(&says)).unwrap_or_else(|| panic!("{how}: {log}"));
        assert!(line.contains(&format!("it is now {}", aside.display())), "{how}: {line}");
        let _ = fs::remove_file(&aside).or_else(|_| fs::remove_dir_all(&aside));
    }
    // The source works again, and the daemon writes all files again.
    site.server.route("/doc", [Answer::ok(tags(4))]);
    let daemon = site.start(options);
    let scrape = wait_until(&daemon, "the file", |_| path.is_file());
    assert_eq!((ranges(&scrape), scrape.sum("d365_state_failures_total", &[])), (4, 0));
    daemon.stop().unwrap();
}

/// Without the gates' file the daemon uses its copy, and without a cached document the accepted list.
#[test]
fn whichever_file_is_damaged_the_daemon_goes_on_with_the_best_that_is_left() {
    require!(Root, Tool("ip"), Daemon);
    for operation in ["gates", "document"] {
        // A source that was read once fails now.
        let site = Site::new();
        site.server.route("/doc", [Answer::ok(tags(4))]);
        let options = site.options(&[&site.source("/doc")]);
        Watched::start(&site, &options, 4).stop();
        site.server.route("/doc", [Answer::status(503)]);
        let name = match operation {
            "gates" => "gate.json".to_owned(),
            _ => documents::file_name(&site.source("/doc")),
        };
        starts(&site, &options, &name, operation);
    }
}
