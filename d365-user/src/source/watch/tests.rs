//! Tests with real files in a directory of the test's own. To show that nothing is reported, a test changes
//! another file and waits for its report. That report shows that the thread has looked twice meanwhile.

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    time::Duration,
};

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

use super::Watch;

const INTERVAL: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(20);

/// A directory of this test's own, removed when this is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("d365-watch-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Creates a directory that contains a file from the first moment.
    fn directory(&self, name: &str) {
        let beside = self.path("beside");
        fs::create_dir(&beside).unwrap();
        fs::write(beside.join("list"), name).unwrap();
        fs::rename(beside, self.path(name)).unwrap();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Some watched files. The last one is there to show that nothing is reported for the others.
struct Watched {
    watch: Watch,
    calls: Receiver<usize>,
    other: PathBuf,
    files: usize,
    _own: Scratch,
}

impl Watched {
    fn new(files: &[&Path]) -> Self {
        let own = Scratch::new();
        let other = own.path("other");
        let (call, calls) = channel();
        let all = files.iter().map(|file| file.to_path_buf()).chain([other.clone()]).collect();
        let watch = Watch::start(INTERVAL, all, move |index| call.send(index).unwrap()).unwrap();
        Self { watch, calls, other, files: files.len(), _own: own }
    }

    /// Waits for the next report and returns the index of its file.
    fn next(&self) -> usize {
        self.calls.recv_timeout(PATIENCE).unwrap()
    }

    /// Checks that nothing is reported while another file changes and is reported.
    fn nothing(&self) {
        replace(&self.other, "again");
        assert_eq!(self.next(), self.files);
    }
}

/// Writes another file in the same directory and renames it into place.
fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, path).unwrap();
}

/// One file named `list`, present or absent.
fn one(text: Option<&str>) -> (Scratch, PathBuf, Watched) {
    let scratch = Scratch::new();
    let path = scratch.path("list");
    if let Some(text) = text {
        fs::write(&path, text).unwrap();
    }
    let watched = Watched::new(&[&path]);
    (scratch, path, watched)
}

#[test]
fn every_change_of_a_file_is_reported_and_a_reading_is_not() {
    let (_scratch, path, watched) = one(Some("old"));
    let beside = path.with_extension("beside");
    let changes: [&dyn Fn(); 6] = [
        &|| replace(&path, "new"),
        &|| {
            // The new file has the same size and the same modification time as the one before.
            let time = fs::metadata(&path).unwrap().modified().unwrap();
            fs::write(&beside, "gnu").unwrap();
            File::open(&beside).unwrap().set_modified(time).unwrap();
            fs::rename(&beside, &path).unwrap();
        },
        &|| OpenOptions::new().append(true).open(&path).unwrap().write_all(b"more").unwrap(),
        &|| fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap(),
        &|| fs::remove_file(&path).unwrap(),
        &|| replace(&path, "old"),
    ];
    for change in changes {
        watched.nothing();
        change();
        assert_eq!(watched.next(), 0);
        let _ = fs::read_to_string(&path);
    }
    watched.nothing();
}

/// As Kubernetes mounts a `ConfigMap`: the file is a link through `..data`, which is a link to a directory.
#[test]
fn a_symbolic_link_is_swapped() {
    let scratch = Scratch::new();
    for version in ["..1", "..2"] {
        scratch.directory(version);
    }
    symlink("..1", scratch.path("..data")).unwrap();
    symlink("..data/list", scratch.path("list")).unwrap();
    let watched = Watched::new(&[&scratch.path("list")]);
    symlink("..2", scratch.path("..data_tmp")).unwrap();
    fs::rename(scratch.path("..data_tmp"), scratch.path("..data")).unwrap();
    assert_eq!(watched.next(), 0);
    fs::remove_dir_all(scratch.path("..1")).unwrap();
    watched.nothing();
    replace(&scratch.path("..2/list"), "more");
    assert_eq!(watched.next(), 0);
    watched.nothing();
}

#[test]
fn a_directory_that_comes_is_replaced_and_goes() {
    let scratch = Scratch::new();
    let path = scratch.path("now/list");
    let watched = Watched::new(&[&path]);
    watched.nothing();
    scratch.directory("now");
    assert_eq!(watched.next(), 0);
    scratch.directory("next");
    watched.nothing();
    let [now, next] = ["now", "next"].map(|name| scratch.path(name));
    renameat2(AT_FDCWD, &now, AT_FDCWD, &next, RenameFlags::RENAME_EXCHANGE).unwrap();
    assert_eq!(watched.next(), 0);
    fs::remove_dir_all(scratch.path("now")).unwrap();
    assert_eq!(watched.next(), 0);
    watched.nothing();
}

#[test]
fn two_files_in_one_directory() {
    let scratch = Scratch::new();
    let [first, second] = ["first", "second"].map(|name| scratch.path(name));
    let watched = Watched::new(&[&first, &second]);
    replace(&second, "new");
    assert_eq!(watched.next(), 1);
    replace(&first, "new");
    assert_eq!(watched.next(), 0);
    // One file replaces the other, so both have changed.
    fs::rename(&first, &second).unwrap();
    let mut both = [watched.next(), watched.next()];
    both.sort_unstable();
    assert_eq!(both, [0, 1]);
    watched.nothing();
}

#[test]
fn dropping_it_ends_its_thread() {
    let (_scratch, _path, watched) = one(Some("old"));
    watched.nothing();
    drop(watched.watch);
    // The thread owns the only sender.
    assert_eq!(watched.calls.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected));
}
