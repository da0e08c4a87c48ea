//! Lists in files while the daemon runs: replaced, edited in place, half written, deleted, and read again on
//! SIGHUP.

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    thread,
    time::Duration,
};

use d365_tests::{require, scrape::Scrape, temp::TempDir};
use nix::sys::signal::Signal;

use super::site::{Site, failures, ranges, wait_until};
use crate::steps::{self, ListFile};

/// The first `count` lines of a list.
fn lines(count: u32) -> String {
    steps::lines(0..count, "NAM")
}

/// Changes are seen long before the next reading by the clock. SIGHUP makes the daemon read everything again,
/// downloads too.
#[test]
fn a_file_is_read_again_however_it_is_changed_and_on_sighup() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    site.serves("/doc", "public-2025-cn376.json");
    let list = ListFile::new(lines(2));
    let path = list.path();
    let daemon = site.start(&site.options_each("1h", &[&site.source("/doc"), &list.source]));
    wait_until(&daemon, "both lists", |scrape| ranges(scrape) == 17 + 2);

    // The file is replaced by a rename.
    list.replace(lines(3));
    wait_until(&daemon, "a third range", |scrape| ranges(scrape) == 17 + 3);

    // The file is edited in place.
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"11.0.3.0/24,NAM\n").unwrap();
    drop(file);
    wait_until(&daemon, "a fourth range", |scrape| ranges(scrape) == 17 + 4);

    // The file is deleted, and the accepted list stays. Then the file exists again.
    fs::remove_file(&path).unwrap();
    let scrape = wait_until(&daemon, "a failure", |scrape| failures(scrape, "io") == 1);
    assert_eq!(ranges(&scrape), 17 + 4);
    fs::write(&path, lines(5)).unwrap();
    wait_until(&daemon, "a fifth range", |scrape| ranges(scrape) == 17 + 5);

    let asked = site.server.count("/doc");
    let success = |scrape: &Scrape| {
        scrape.value("d365_source_last_success_timestamp_seconds", &[("source", &list.source)])
    };
    let before = success(&daemon.scrape().unwrap());
    thread::sleep(Duration::from_millis(1100));
    daemon.signal(Signal::SIGHUP).unwrap();
    wait_until(&daemon, "a fetch", |_| site.server.count("/doc") > asked);
    wait_until(&daemon, "a reading of the file", |scrape| success(scrape) > before);

    // The file is not a list any more.
    fs::write(&path, "11.0.0.0/24\nnonsense\n").unwrap();
    let scrape = wait_until(&daemon, "a refusal", |scrape| failures(scrape, "syntax") == 1);
    assert_eq!(ranges(&scrape), 17 + 5);
    daemon.wait_for_log("line 2", Duration::from_secs(1)).unwrap();
    assert_eq!(daemon.stop().unwrap().status.code(), Some(0));
}

/// A user who may write to the file can add ranges that are trusted at once.
#[test]
fn a_list_that_others_may_write_to_is_warned_of_at_each_change() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let list = ListFile::new(lines(1));
    let path = list.path();
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let options = site.options(&[&list.source]);
    let field = format!(" source={}", list.source);
    let is_warning = |line: &&str| {
        line.contains("others may write to the list or replace it")
            && line.contains(" writers=everybody")
            && line.ends_with(&field)
    };
    mode(&path, 0o644);
    let exit = site.start(&options).stop().unwrap();
    assert!(!exit.stderr.contains("may write to the list"), "{}", exit.stderr);
    mode(&path, 0o646);
    for _ in 0..2 {
        let exit = site.start(&options).stop().unwrap();
        let line = exit.stderr.lines().find(is_warning);
        assert!(line.is_some_and(|line| line.contains("WARN")), "at each start: {}", exit.stderr);
    }
    let daemon = site.start(&options);
    let times = || daemon.log().lines().filter(is_warning).count();
    assert_eq!(times(), 1);
    fs::write(&path, lines(2)).unwrap();
    wait_until(&daemon, "a second range", |scrape| ranges(scrape) == 2);
    assert_eq!(times(), 1, "it is logged once");
    mode(&path, 0o644);
    fs::write(&path, lines(3)).unwrap();
    wait_until(&daemon, "a third range", |scrape| ranges(scrape) == 3);
    mode(list.directory.path(), 0o757);
    fs::write(&path, lines(4)).unwrap();
    wait_until(&daemon, "a fourth range", |scrape| ranges(scrape) == 4);
    assert_eq!(times(), 2, "it is so again, by its directory");
    daemon.stop().unwrap();
}

/// Kubernetes changes a `ConfigMap` like this: the list is a link through `..data`, which is a link to a
/// directory. Kubernetes creates the new directory, swaps the link, and removes the old directory at once.
#[test]
fn a_swapped_config_map_is_followed_without_a_warning() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let directory = TempDir::new("map");
    let put = |version: u32| {
        let name = format!("..{version}");
        fs::create_dir(directory.file(&name)).unwrap();
        fs::write(directory.file(&name).join("list"), lines(version)).unwrap();
        symlink(&name, directory.file("..data_tmp")).unwrap();
        fs::rename(directory.file("..data_tmp"), directory.file("..data")).unwrap();
        if version > 1 {
            fs::remove_dir_all(directory.file(&format!("..{}", version - 1))).unwrap();
        }
    };
    put(1);
    symlink("..data/list", directory.file("list")).unwrap();
    let source = format!("file:{}", directory.file("list").display());
    let daemon = site.start(&site.options(&[&source]));
    let words = daemon.log().matches("WARN").count();
    for version in 2..12 {
        put(version);
        wait_until(&daemon, "the new list", |scrape| ranges(scrape) == u64::from(version));
        // The pauses differ from the watcher's own interval.
        thread::sleep(Duration::from_millis(70 * u64::from(version)));
    }
    let exit = daemon.stop().unwrap();
    assert_eq!(exit.stderr.matches("WARN").count(), words, "{}", exit.stderr);
    assert!(!exit.stderr.contains("ERROR"), "{}", exit.stderr);
}

/// The daemon accepts nothing while the file is still being written: a prefix that is cut off in the middle
/// is another prefix.
#[test]
fn a_half_written_file_is_not_accepted() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let list = ListFile::new("11.0.0.0/24\n");
    let daemon = site.start(&site.options(&[&list.source]));
    let mut file = File::create(list.path()).unwrap();
    for part in ["11.0.0.0/24\n", "11.0.1.128/2", "5\n11.0.2.0/2", "4\n"] {
        file.write_all(part.as_bytes()).unwrap();
        file.sync_all().unwrap();
        thread::sleep(Duration::from_millis(1500));
        assert_eq!(ranges(&daemon.scrape().unwrap()), 1, "after {part:?}");
    }
    drop(file);
    let scrape = wait_until(&daemon, "the whole list", |scrape| ranges(scrape) == 3);
    assert_eq!(scrape.sum("d365_source_failures_total", &[]), 0);
    assert_eq!(scrape.count("d365_range_packets_total", &[("range", "11.0.1.128/25")]), 0);
}

/// The daemon uses the additions of a service tags document in a file at once.
#[test]
fn a_newer_document_in_a_file_is_used_at_once() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let list = ListFile::new(site.document("public-2025-cn376.json"));
    let daemon = site.start(&site.options(&[&list.source]));
    list.replace(site.document("public-2026-cn398.json"));
    let scrape = wait_until(&daemon, "22 ranges", |scrape| ranges(scrape) == 22);
    assert_eq!(scrape.count("d365_generation_info", &[("change_number", "398")]), 1);
}
