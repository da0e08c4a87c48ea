//! Changes that no event reports, and that only the regular looks find.

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

use super::*;

/// Interval between the looks in these tests.
const POLL: Duration = Duration::from_millis(50);

#[test]
fn a_directory_that_is_not_there_yet() {
    let scratch = Scratch::new();
    let path = scratch.path("later/list");
    let watched = Watched::new(&[&path], POLL);
    watched.nothing();
    directory(&scratch, "later");
    assert_eq!(watched.next(), 0);
    a_pause_is_no_end(&watched, &path);
}

#[test]
fn a_directory_that_is_replaced() {
    let scratch = Scratch::new();
    for (name, text) in [("now", "old"), ("next", "new")] {
        fs::create_dir(scratch.path(name)).unwrap();
        fs::write(scratch.path(name).join("list"), text).unwrap();
    }
    let path = scratch.path("now/list");
    let watched = Watched::new(&[&path], POLL);
    // The directory exists at every moment.
    let [now, next] = ["now", "next"].map(|name| scratch.path(name));
    renameat2(AT_FDCWD, &now, AT_FDCWD, &next, RenameFlags::RENAME_EXCHANGE).unwrap();
    assert_eq!(watched.next(), 0);
    watched.nothing();

    a_pause_is_no_end(&watched, &path);
    // The old directory is no longer watched, so a change in it is not reported.
    replace(&next.join("list"), "other");
    watched.nothing();
}

#[test]
fn a_directory_that_is_removed_and_made_again() {
    let scratch = Scratch::new();
    let path = scratch.path("here/list");
    directory(&scratch, "here");
    let watched = Watched::new(&[&path], POLL);
    for _ in 0..3 {
        fs::remove_dir_all(scratch.path("here")).unwrap();
        assert_eq!(watched.next(), 0);
        directory(&scratch, "here");
        assert_eq!(watched.next(), 0);
        a_pause_is_no_end(&watched, &path);
    }
}

/// A link in a directory that is not watched changes, so no event reports it.
#[test]
fn a_link_in_the_middle_of_the_path() {
    let scratch = Scratch::new();
    for name in ["a", "b", "links"] {
        fs::create_dir(scratch.path(name)).unwrap();
    }
    for name in ["a", "b"] {
        fs::write(scratch.path(name).join("list"), name).unwrap();
    }
    symlink("../a", scratch.path("links/current")).unwrap();
    let watched = Watched::new(&[&scratch.path("links/current/list")], POLL);
    symlink("../b", scratch.path("links/next")).unwrap();
    fs::rename(scratch.path("links/next"), scratch.path("links/current")).unwrap();
    assert_eq!(watched.next(), 0);
    watched.nothing();
}

/// Creates a directory that contains a file from the first moment.
fn directory(scratch: &Scratch, name: &str) {
    let beside = scratch.path("beside");
    fs::create_dir(&beside).unwrap();
    fs::write(beside.join("list"), "new").unwrap();
    fs::rename(beside, scratch.path(name)).unwrap();
}

/// Checks that the directory of the first file is watched: a writer that only pauses is known. With looks
/// alone, the file would be reported during the pause.
fn a_pause_is_no_end(watched: &Watched, path: &Path) {
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(b"more").unwrap();
    for _ in 0..5 {
        watched.nothing();
        thread::sleep(POLL);
    }
    drop(file);
    assert_eq!(watched.next(), 0);
    watched.nothing();
}
