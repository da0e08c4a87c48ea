//! Tests with real files in a directory of the test's own. To show that nothing is reported, a test changes
//! another file and waits for its report. That report shows that the thread was awake and had the time.

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread,
    time::Duration,
};

use super::Watch;

mod looked;

const SETTLE: Duration = Duration::from_millis(30);
/// Longer than any test, so that only events cause reports.
const NEVER: Duration = Duration::from_secs(3600);
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
    fn new(files: &[&Path], poll: Duration) -> Self {
        let own = Scratch::new();
        let other = own.path("other");
        let (call, calls) = channel();
        let all = files.iter().map(|file| file.to_path_buf()).chain([other.clone()]).collect();
        let watch = Watch::polling(all, SETTLE, poll, move |index| call.send(index).unwrap()).unwrap();
        Self { watch, calls, other, files: files.len(), _own: own }
    }

    /// Waits for the next report and returns the index of its file.
    fn next(&self) -> usize {
        self.calls.recv_timeout(PATIENCE).unwrap()
    }

    /// Checks that nothing is reported while another file changes and settles.
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

/// One file named `list`, present or absent, watched by events only.
fn one(text: Option<&str>) -> (Scratch, PathBuf, Watched) {
    let scratch = Scratch::new();
    let path = scratch.path("list");
    if let Some(text) = text {
        fs::write(&path, text).unwrap();
    }
    let watched = Watched::new(&[&path], NEVER);
    (scratch, path, watched)
}

#[test]
fn a_rename_into_place() {
    let (_scratch, path, watched) = one(Some("old"));
    watched.nothing();
    replace(&path, "new");
    assert_eq!(watched.next(), 0);
    watched.nothing();
    // The new file has the same size and the same modification time as the one before.
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    let beside = path.with_extension("beside");
    fs::write(&beside, "gnu").unwrap();
    File::open(&beside).unwrap().set_modified(time).unwrap();
    fs::rename(beside, &path).unwrap();
    assert_eq!(watched.next(), 0);
    watched.nothing();
}

#[test]
fn an_edit_in_several_writes_counts_when_it_is_closed() {
    let (_scratch, path, watched) = one(Some("old\n"));
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    for line in 0..3 {
        writeln!(file, "line {line}").unwrap();
        // This takes longer than another file needs to settle.
        watched.nothing();
    }
    drop(file);
    assert_eq!(watched.next(), 0);
    watched.nothing();
}

#[test]
fn a_file_cut_off_and_written_again() {
    let (_scratch, path, watched) = one(Some("old"));
    let mut file = File::create(&path).unwrap();
    watched.nothing();
    file.write_all(b"new").unwrap();
    watched.nothing();
    drop(file);
    assert_eq!(watched.next(), 0);
    watched.nothing();
}

#[test]
fn a_file_that_comes_into_being_is_awaited() {
    let (_scratch, path, watched) = one(None);
    let mut file = File::create(&path).unwrap();
    watched.nothing();
    file.write_all(b"new").unwrap();
    watched.nothing();
    drop(file);
    assert_eq!(watched.next(), 0);
    watched.nothing();
}

#[test]
fn a_link_is_whole_at_once() {
    let (scratch, path, watched) = one(None);
    fs::write(scratch.path("beside"), "new").unwrap();
    fs::hard_link(scratch.path("beside"), &path).unwrap();
    assert_eq!(watched.next(), 0);
    watched.nothing();
}

#[test]
fn gone_and_there_again() {
    let (_scratch, path, watched) = one(Some("old"));
    fs::remove_file(&path).unwrap();
    assert_eq!(watched.next(), 0);
    watched.nothing();
    fs::write(&path, "old").unwrap();
    assert_eq!(watched.next(), 0);
    watched.nothing();
}

#[test]
fn reading_is_no_change_and_permission_is_one() {
    let (_scratch, path, watched) = one(Some("old"));
    for _ in 0..100 {
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    }
    watched.nothing();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(watched.next(), 0);
    watched.nothing();
}

/// As Kubernetes mounts a `ConfigMap`: the file is a link through `..data`, which is a link to a directory.
#[test]
fn a_symbolic_link_is_swapped() {
    let scratch = Scratch::new();
    for version in ["..1", "..2"] {
        fs::create_dir(scratch.path(version)).unwrap();
        fs::write(scratch.path(version).join("list"), version).unwrap();
    }
    symlink("..1", scratch.path("..data")).unwrap();
    symlink("..data/list", scratch.path("list")).unwrap();
    let watched = Watched::new(&[&scratch.path("list")], NEVER);
    symlink("..2", scratch.path("..data_tmp")).unwrap();
    fs::rename(scratch.path("..data_tmp"), scratch.path("..data")).unwrap();
    assert_eq!(watched.next(), 0);
    fs::remove_dir_all(scratch.path("..1")).unwrap();
    watched.nothing();
    // The file that the link leads to is watched, too.
    let mut file = OpenOptions::new().append(true).open(scratch.path("..2/list")).unwrap();
    file.write_all(b"more").unwrap();
    watched.nothing();
    drop(file);
    assert_eq!(watched.next(), 0);
    watched.nothing();
}

#[test]
fn two_files_in_one_directory() {
    let scratch = Scratch::new();
    let [first, second] = ["first", "second"].map(|name| scratch.path(name));
    let watched = Watched::new(&[&first, &second], NEVER);
    fs::write(&second, "new").unwrap();
    assert_eq!(watched.next(), 1);
    fs::write(&first, "new").unwrap();
    assert_eq!(watched.next(), 0);
    // One file replaces the other, so both have changed.
    fs::rename(&first, &second).unwrap();
    let mut both = [watched.next(), watched.next()];
    both.sort_unstable();
    assert_eq!(both, [0, 1]);
    watched.nothing();
}

#[test]
fn the_last_of_many_rewrites_is_seen() {
    let scratch = Scratch::new();
    let path = scratch.path("list");
    let (call, calls) = channel();
    let seen = path.clone();
    let read = move |_| call.send(fs::read_to_string(&seen).unwrap_or_default()).unwrap();
    let _watch = Watch::polling(vec![path.clone()], SETTLE, NEVER, read).unwrap();
    for number in 0..200 {
        let text = format!("{number:03}");
        match number % 3 {
            0 => replace(&path, &text),
            1 => fs::write(&path, &text).unwrap(),
            _ => {
                fs::remove_file(&path).unwrap();
                fs::write(&path, &text).unwrap();
            }
        }
    }
    while calls.recv_timeout(PATIENCE).expect("a call after the last") != "199" {}
}

#[test]
fn dropping_it_ends_its_thread() {
    let (_scratch, _path, watched) = one(Some("old"));
    watched.nothing();
    drop(watched.watch);
    // The thread owns the only sender.
    assert_eq!(watched.calls.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected));
}
