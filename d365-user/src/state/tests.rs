//! Tests the state directory with bad files, other daemons and full disks.

use std::{
    fs::{self, File, Permissions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::Path,
    thread,
};

use super::*;

const LIMIT: u64 = 1000;
const KIND: Kind = Kind { name: "test", oldest: 1, version: 1, limit: LIMIT };

mod directory;
mod scratch;

pub(crate) use scratch::Scratch;

fn read(directory: &Beneath) -> Result<Option<Vec<u8>>, StateError> {
    read_checked(directory, "file", KIND, |body| Ok(body.to_vec()))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_directory_that_cannot_be_is_an_error() {
    for path in ["/proc/self/d365", "/dev/null/d365", "/proc/version"] {
        let error = crate::state_files::open(path).unwrap_err();
        assert!(matches!(error, StateError::Directory { .. }), "{error}");
        assert!(error.to_string().contains(path) && error.to_string().contains("--state-dir"), "{error}");
    }
}

#[test]
fn leftovers_are_cleared_but_for_a_request_that_is_being_written() {
    let scratch = Scratch::new();
    for name in [".gate.json.1.unfinished", ".approval.json.1.unfinished", "other", "a.unfinished"] {
        fs::write(scratch.0.join(name), "x").unwrap();
    }
    drop(crate::state_files::open(&scratch.0).unwrap());
    assert_eq!(scratch.names(), [".approval.json.1.unfinished", "a.unfinished", "other"]);
}

/// Regression: a directory at that name made the start fail with exit code 11.
#[test]
fn a_leftover_that_cannot_be_removed_is_ignored() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.0.join(".gate.json.1.unfinished/full")).unwrap();
    crate::state_files::open(&scratch.0).unwrap();
    assert_eq!(scratch.names(), [".gate.json.1.unfinished"]);
}

#[test]
fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
    let scratch = Scratch::new();
    let path = scratch.0.join("file");
    let directory = scratch.open();
    for body in [&b"one"[..], b"", b"three"] {
        write_checksummed(&directory, "file", KIND, body).unwrap();
        assert_eq!(read(&directory).unwrap(), Some(body.to_vec()));
        assert_eq!(mode(&path), 0o640);
    }
    assert_eq!(scratch.names(), ["file"]);
}

#[test]
fn a_write_that_fails_leaves_the_old_file() {
    let scratch = Scratch::new();
    let path = scratch.0.join("file");
    let directory = scratch.open();
    write_atomic(&directory, "file", b"old").unwrap();
    let full = |file: &mut File| {
        file.write_all(b"ne")?;
        Err(io::ErrorKind::StorageFull.into())
    };
    assert_eq!(
        write::write_with(&directory, "file", 0o640, full).unwrap_err().kind(),
        io::ErrorKind::StorageFull
    );
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(scratch.names(), ["file"]);
    fs::create_dir(scratch.0.join("directory")).unwrap();
    let error = write_atomic(&directory, "directory", b"x").unwrap_err();
    assert!(
        matches!(&error, StateError::Write { path, .. } if *path == scratch.0.join("directory")),
        "{error}"
    );
    assert_eq!(scratch.names(), ["directory", "file"]);
}

#[test]
fn a_leftover_or_a_link_in_the_way_is_not_written_through() {
    let scratch = Scratch::new();
    let (path, victim) = (scratch.0.join("file"), scratch.0.join("victim"));
    fs::write(&victim, "mine").unwrap();
    symlink(&victim, scratch.0.join(format!(".file.{}.unfinished", std::process::id()))).unwrap();
    write_atomic(&scratch.open(), "file", b"new").unwrap();
    assert_eq!((fs::read(&path).unwrap(), fs::read(&victim).unwrap()), (b"new".to_vec(), b"mine".to_vec()));
}

#[test]
fn a_damaged_file_is_set_aside() {
    let scratch = Scratch::new();
    let (path, aside) = (scratch.0.join("file"), scratch.0.join("file.corrupt"));
    let directory = scratch.open();
    assert_eq!(read(&directory).unwrap(), None);
    let good = checksummed::add_checksum(KIND, b"body");
    let bad = [
        (good[..20].to_vec(), Damage::Head),
        (vec![], Damage::Head),
        (
            checksummed::add_checksum(Kind { version: 2, ..KIND }, b""),
            Damage::Version { found: 2, expected: 1 },
        ),
        (vec![b' '; 1001], Damage::TooLarge { limit: LIMIT }),
    ];
    for (bytes, damage) in bad {
        fs::write(&path, &bytes).unwrap();
        let left = read_only(&directory, "file", KIND, |_| Ok(())).unwrap_err();
        assert!(matches!(left, StateError::Damaged { damage: is, set_aside: None, .. } if is == damage));
        let error = read(&directory).unwrap_err();
        let StateError::Damaged { damage: is, set_aside: Some(to), .. } = error else { panic!("{error}") };
        assert_eq!((is, &to), (damage, &aside));
        assert_eq!(fs::read(&aside).unwrap(), bytes, "over the one before");
        assert_eq!(read(&directory).unwrap(), None);
    }
}

#[test]
fn what_is_no_file_is_set_aside_and_nothing_hangs() {
    let scratch = Scratch::new();
    let (path, aside) = (scratch.0.join("file"), scratch.0.join("file.corrupt"));
    let directory = scratch.open();
    let make: [&dyn Fn(); 5] = [
        &|| nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap(),
        &|| drop(std::os::unix::net::UnixListener::bind(&path).unwrap()),
        &|| symlink("/dev/zero", &path).unwrap(),
        &|| symlink("nowhere", &path).unwrap(),
        &|| fs::create_dir(&path).unwrap(),
    ];
    for make in make {
        make();
        let _ = fs::remove_file(&aside);
        let error = read(&directory).unwrap_err();
        assert!(matches!(error, StateError::Damaged { damage: Damage::NotAFile, .. }), "{error}");
        assert!(error.to_string().ends_with(&format!("it is now {}", aside.display())), "{error}");
        assert!(fs::symlink_metadata(&path).is_err() && fs::symlink_metadata(&aside).is_ok());
    }
    // A directory blocks the name of the set-aside file.
    fs::create_dir_all(aside.join("full")).unwrap();
    fs::write(&path, "x").unwrap();
    let error = read(&directory).unwrap_err().to_string();
    assert!(error.ends_with("remove it"), "{error}");
}

#[test]
fn no_file_is_written_that_would_not_be_read_back() {
    let scratch = Scratch::new();
    let directory = scratch.open();
    let write = |bytes: usize| write_checksummed(&directory, "file", KIND, &vec![b' '; bytes]);
    let length = || read(&directory).unwrap().map(|body| body.len());
    let most = usize::try_from(LIMIT).unwrap() - 256;
    write(most).unwrap();
    assert_eq!(length(), Some(most));
    let error = write(most + 1).unwrap_err();
    assert!(matches!(error, StateError::TooLarge { limit: LIMIT, .. }), "{error}");
    assert_eq!(length(), Some(most));
}
