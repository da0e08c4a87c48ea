//! The daemon's environment in tests: the variables that a test sets, and not those that this machine's user
//! has set.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use nix::sys::stat::{Mode, umask};

/// Variables of this machine that the daemon still gets: the program path, and what coverage and sanitizers
/// need.
const KEPT: [&str; 7] = [
    "PATH",
    "LD_LIBRARY_PATH",
    "LLVM_PROFILE_FILE",
    "RUST_BACKTRACE",
    "ASAN_OPTIONS",
    "LSAN_OPTIONS",
    "UBSAN_OPTIONS",
];

/// Removes every variable except [`KEPT`]: proxies, certificates, languages, and `D365_…` variables of a
/// daemon that runs on this machine.
pub(crate) fn clear(command: &mut Command) {
    command.env_clear();
    command.envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
}

/// Returns the directory in which tests make files that every user can reach, and sets the umask for this.
/// `TMPDIR` may lie in a directory of root's (`pam_tmpdir`), and a machine's umask may keep other users out.
pub(crate) fn temporary() -> PathBuf {
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    Path::new("/tmp").to_owned()
}
