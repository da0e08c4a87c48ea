//! Tests of the directory of exports, on a real file system.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    thread,
    time::Instant,
};

use super::*;
use crate::{
    export::{FORMATS, document::tests::sample},
    published::PublishedRange,
    state::Scratch,
};

const NOW: u64 = 1_795_500_000;

fn plain() -> Format {
    Format::named("plain").unwrap()
}

/// Waits until the writer's state is so.
fn until(exports: &Exports, is_so: impl Fn(&ExportStatus) -> bool) {
    let since = Instant::now();
    while !exports.status().iter().all(&is_so) {
        assert!(since.elapsed() < Duration::from_secs(20), "{:?}", exports.status());
        thread::sleep(Duration::from_millis(5));
    }
}

fn failures(status: &ExportStatus, reason: &str) -> u64 {
    status.failures.iter().find(|(word, _)| *word == reason).unwrap().1
}

#[test]
fn every_format_has_its_file_which_all_may_read() {
    let scratch = Scratch::new();
    let exports = Exports::start(scratch.0.clone(), FORMATS.to_vec()).unwrap();
    assert!(exports.status().iter().all(|status| status.last_success.is_none()));
    assert!(exports.write(sample()));
    until(&exports, |status| status.last_success.is_some());
    let mut names = Beneath::open(&scratch.0).unwrap().names().unwrap();
    names.sort();
    let mut expected = FORMATS.map(|format| format.file.to_owned());
    expected.sort();
    assert_eq!(names, expected);
    for format in FORMATS {
        let path = scratch.0.join(format.file);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644, "{}", format.name);
        assert!(fs::read_to_string(path).unwrap().contains("192"), "{}", format.name);
    }
}

#[test]
fn a_file_is_replaced_only_if_its_content_is_another_one() {
    let scratch = Scratch::new();
    let directory = Beneath::open(&scratch.0).unwrap();
    let inode = || fs::metadata(scratch.0.join("d365.txt")).unwrap().ino();
    assert_eq!(write(&directory, &plain(), &sample(), NOW), Ok(true));
    let first = inode();
    assert_eq!(write(&directory, &plain(), &sample(), NOW), Ok(false));
    assert_eq!(inode(), first);
    fs::write(scratch.0.join("d365.txt"), "somebody else's\n").unwrap();
    assert_eq!(write(&directory, &plain(), &sample(), NOW), Ok(true));
    let newer = PublishedList { generation: 4, ..sample() };
    assert_eq!(write(&directory, &plain(), &newer, NOW), Ok(true));
    assert_eq!(write(&directory, &plain(), &newer, 1_796_000_000), Ok(true), "the lease has ended");
    let text = fs::read_to_string(scratch.0.join("d365.txt")).unwrap();
    assert!(text.starts_with("# LEASE OVER: 5 of 5 ranges are not confirmed any more\n"), "{text}");
}

#[test]
fn what_cannot_be_written_is_counted_and_changes_nothing() {
    let scratch = Scratch::new();
    let missing = scratch.0.join("missing");
    let exports = Exports::start(missing.clone(), vec![plain()]).unwrap();
    assert!(exports.write(sample()));
    until(&exports, |status| failures(status, "missing") == 1);
    assert_eq!(exports.status()[0].last_success, None);
    fs::create_dir(&missing).unwrap();
    assert!(exports.write(sample()));
    until(&exports, |status| status.last_success.is_some());
    assert!(exports.write(PublishedList { ranges: Vec::<PublishedRange>::new(), ..sample() }));
    until(&exports, |status| failures(status, "empty") == 1);
    assert!(fs::read_to_string(missing.join("d365.txt")).unwrap().contains("192.0.2.0/25\n"));
}

#[test]
fn half_written_files_of_a_killed_daemon_are_removed_and_no_others() {
    let scratch = Scratch::new();
    for name in [".d365.txt.7.unfinished", ".other.7.unfinished", "d365.unfinished"] {
        fs::write(scratch.0.join(name), "").unwrap();
    }
    clear_leftovers(&scratch.0);
    let mut names = open(&scratch.0).unwrap().names().unwrap();
    names.sort();
    assert_eq!(names, [".other.7.unfinished", "d365.unfinished"]);
}

#[test]
fn each_error_of_the_system_has_its_reason() {
    for (kind, reason) in [
        (ErrorKind::StorageFull, Reason::Full),
        (ErrorKind::QuotaExceeded, Reason::Full),
        (ErrorKind::NotFound, Reason::Missing),
        (ErrorKind::ReadOnlyFilesystem, Reason::Permission),
        (ErrorKind::Other, Reason::Io),
    ] {
        assert_eq!(Reason::of(&kind.into()), reason);
    }
    assert!(Reason::ALL.map(Reason::as_str).is_sorted());
}

#[test]
fn only_a_regular_file_is_replaced() {
    let scratch = Scratch::new();
    let directory = Beneath::open(&scratch.0).unwrap();
    std::os::unix::fs::symlink("/dev/null", scratch.0.join("d365.txt")).unwrap();
    let (reason, message) = write(&directory, &plain(), &sample(), NOW).unwrap_err();
    assert_eq!(reason, Reason::Io);
    assert!(message.contains("it is not a regular file"), "{message}");
    assert!(fs::symlink_metadata(scratch.0.join("d365.txt")).unwrap().file_type().is_symlink());
    fs::remove_file(scratch.0.join("d365.txt")).unwrap();
    assert_eq!(write(&directory, &plain(), &sample(), NOW), Ok(true));
    fs::set_permissions(scratch.0.join("d365.txt"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(write(&directory, &plain(), &sample(), NOW), Ok(true), "others could not read it");
}
