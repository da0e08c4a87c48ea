//! Limits of the system that are reached for a moment, or from the start: threads, file descriptors, sizes of
//! files, processor time. The daemon goes on or does not start; it never ends by them, and never by a panic.

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

/// A list in a file, one range longer each time.
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

/// No start: the documented code, one line with these words, no panic, and nothing is left.
#[track_caller]
fn refused(lab: &Lab, exit: &Exit, words: &[&str]) {
    assert_eq!(exit.status.code(), Some(i32::from(exit::Exit::Resources.code())), "{}", exit.stderr);
    let lines: Vec<_> = exit.stderr.lines().filter(|line| line.to_lowercase().contains("error")).collect();
    let [line] = lines[..] else { panic!("not one line of error: {}", exit.stderr) };
    assert!(words.iter().all(|word| line.contains(word)), "{words:?}: {line}");
    no_panic(&exit.stderr);
    assert!(!has_xdp(&lab.host, lab.iface()));
}

/// The words of a panic, by the standard library's hook and by the daemon's.
#[track_caller]
fn no_panic(log: &str) {
    assert!(!log.contains("panicked") && !log.contains("a fault of this program"), "{log}");
}

/// It stops as it should, and has not panicked.
#[track_caller]
fn stops(daemon: Daemon) {
    let exit = daemon.stop().unwrap();
    assert_eq!(exit.status.code(), Some(0), "{}", exit.stderr);
    no_panic(&exit.stderr);
}
