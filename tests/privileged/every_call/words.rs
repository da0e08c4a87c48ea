//! The messages of a daemon after a failed call: one line names the map, program, pin or interface of the
//! call, and the kernel's error. The exit code fits it.

use anyhow::{Result, bail, ensure};
use d365_common::names;
use d365_tests::{
    daemon,
    seccomp::command::{
        LINK_CREATE, MAP_CREATE, MAP_LOOKUP_ELEM, MAP_UPDATE_ELEM, OBJ_PIN, PROG_LOAD, PROG_TEST_RUN,
    },
};
use d365_user::exit::Exit;
use nix::errno::Errno;

use super::Place;

/// The call that failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failed {
    /// The command of the call (`seccomp::command`).
    pub(super) command: u32,
    pub(super) errno: Errno,
}

/// aya does not report the kernel's error in its small tests.
const A_TEST: &str = "the kernel did not load ";

const MAPS: [&str; 18] = [
    names::TRIES_V4,
    names::TRIES_V6,
    names::TABLES,
    names::ACTIVE,
    names::PROVEN,
    names::LEASE,
    names::SAMPLES,
    names::SAMPLES_LOST,
    names::RANGE_COUNTERS,
    names::CLASS_COUNTERS,
    names::RANGE_OWNERS,
    names::ROW_NAMES,
    names::FAILSAFE_V4,
    names::FAILSAFE_V6,
    names::LOGS,
    names::VARIABLES,
    names::ROW_INTERFACES,
    ".rodata",
];
const PROGRAMS: [&str; 5] =
    ["program d365:", "program d365_linear:", names::PROGRAM_PROVE, names::PROGRAM_LEASE, names::PROGRAM_TAG];
const PIN: &str = "/sys/fs/bpf";

/// Returns true if the line names what a call with this command is about.
fn is_about(line: &str, place: &Place, command: u32) -> bool {
    let (map, program) = (names_one_of(line, &MAPS), names_one_of(line, &PROGRAMS));
    let (pin, interface) = (line.contains(PIN), line.contains(place.iface()));
    match command {
        MAP_CREATE | MAP_UPDATE_ELEM => map || line.contains(A_TEST),
        MAP_LOOKUP_ELEM => map,
        PROG_LOAD => program || line.contains(A_TEST),
        PROG_TEST_RUN => program,
        OBJ_PIN => pin,
        LINK_CREATE => interface,
        _ => map || program || pin || interface || line.contains(A_TEST),
    }
}

fn names_one_of(line: &str, names: &[&str]) -> bool {
    names.iter().any(|name| line.contains(name))
}

/// Checks that the line names what the call was about, and the kernel's error.
pub(super) fn names_what_failed(line: &str, place: &Place, failed: Failed) -> Result<()> {
    ensure!(is_about(line, place, failed.command), "{failed:?}, and names something else: {line}");
    let error = std::io::Error::from(failed.errno).to_string();
    ensure!(line.contains(&error) || line.contains(A_TEST), "`{error}` is missing: {line}");
    Ok(())
}

/// Checks that a daemon that ended because of the fault reports it in one line, with an exit code for the
/// failed call.
pub(super) fn ends_as_documented(exit: &daemon::Exit, place: &Place, failed: Failed) -> Result<()> {
    let documented = match failed.command {
        LINK_CREATE if [Errno::ENOMEM, Errno::EMFILE].contains(&failed.errno) => &[Exit::Resources][..],
        LINK_CREATE => &[Exit::Attach],
        _ => &[Exit::Internal, Exit::Resources, Exit::Privilege, Exit::Kernel, Exit::Verifier, Exit::Attach],
    };
    let is_documented = documented.iter().any(|code| exit.status.code() == Some(i32::from(code.code())));
    ensure!(is_documented, "{failed:?}, {}: {}", exit.status, exit.stderr);
    let errors: Vec<_> = exit.stderr.lines().filter(|line| line.contains("ERROR")).collect();
    let [line] = errors[..] else { bail!("not one line of error: {}", exit.stderr) };
    names_what_failed(line, place, failed)
}
