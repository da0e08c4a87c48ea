//! The environment of the daemon in tests: what a test sets, and not what this machine's user has set.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use nix::sys::stat::{Mode, umask};

/// Variables of the machine that the daemon gets: the program path, and what coverage and sanitizers need.
const KEPT: [&str; 7] = [
    "PATH",
    "LD_LIBRARY_PATH",
    "LLVM_PROFILE_FILE",
    "RUST_BACKTRACE",
    "ASAN_OPTIONS",
    "LSAN_OPTIONS",
    "UBSAN_OPTIONS",
];

/// Takes every variable away but [`KEPT`]: proxies, certificates, languages, and `D365_…` of a daemon that
/// runs here.
pub(crate) fn clear(command: &mut Command) {
    command.env_clear();
    command.envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
}

/// Where tests make files that every user can reach. `TMPDIR` may lie in a directory of root's
/// (`pam_tmpdir`), and a machine's umask may keep other users out.
pub(crate) fn temporary() -> PathBuf {
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    Path::new("/tmp").to_owned()
}
