//! Limits of the system that are reached at the start or for a moment: threads, file descriptors, file sizes,
//! processor time. The daemon keeps running or does not start. Such a limit never ends a running daemon with
//! a panic.

mod descriptors;
mod files;
mod threads;

use std::{fs, path::PathBuf};

use d365_tests::{
    daemon::{Daemon, Exit},
    lab::Lab,
    temp::TempDir,
};
use d365_user::exit;

use crate::operation::has_xdp;

/// A list in a file. Each call of `grows` adds a range.
struct Growing {
    directory: TempDir,
    ranges: u64,
}

impl Growing {
    fn new() -> Self {
        let mut list = Self { directory: TempDir::new("list"), ranges: 0 };
        list.grows();
        list
    }

    fn path(&self) -> PathBuf {
        self.directory.file("list")
    }

    fn source(&self) -> String {
        format!("file:{}", self.path().display())
    }

    fn grows(&mut self) {
        self.ranges += 1;
        let lines: String = (0..self.ranges).map(|number| format!("11.0.{number}.0/24,NAM\n")).collect();
        let new = self.directory.file("new");
        fs::write(&new, lines).unwrap();
        fs::rename(new, self.path()).unwrap();
    }
}

/// Asserts that the daemon did not start: the documented code, one error line with these words, no panic, and
/// no program left on the interface.
#[track_caller]
fn refused(lab: &Lab, exit: &Exit, words: &[&str]) {
    assert_eq!(exit.status.code(), Some(i32::from(exit::Exit::Resources.code())), "{}", exit.stderr);
    let [line] = exit.errors()[..] else { panic!("not one line of error: {}", exit.stderr) };
    assert!(words.iter().all(|word| line.contains(word)), "{words:?}: {line}");
    no_panic(&exit.stderr);
    assert!(!has_xdp(&lab.host, lab.iface()));
}

/// Searches for the texts of a panic, both of the standard library's hook and of the daemon's.
#[track_caller]
fn no_panic(log: &str) {
    assert!(!log.contains("panicked") && !log.contains("a fault of this program"), "{log}");
}

/// Asserts that the daemon stops with code 0 and without a panic.
#[track_caller]
fn stops(daemon: Daemon) {
    let exit = daemon.stop().unwrap();
    assert_eq!(exit.status.code(), Some(0), "{}", exit.stderr);
    no_panic(&exit.stderr);
}
