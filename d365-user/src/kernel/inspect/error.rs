//! Errors of reading the prefixes that the kernel holds.

use std::io;

use aya::{maps::MapError, programs::ProgramError};
use nix::libc::EPERM;

use crate::kernel::error::error_chain;

/// The prefixes in the kernel cannot be read.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum InspectError {
    #[error("the kernel does not show its BPF programs and maps ({0}): run as root, or with CAP_SYS_ADMIN")]
    Privilege(io::Error),
    #[error("cannot list the interfaces: {0}")]
    Interfaces(io::Error),
    #[error("cannot read the loaded programs: {}", error_chain(.0))]
    Programs(ProgramError),
    #[error(
        "program {program} has no map {map}: it is another release's, or another tool's of the same name"
    )]
    Missing { program: u32, map: &'static str },
    #[error("cannot read map {map} of program {program}: {}", error_chain(.source))]
    Map { program: u32, map: &'static str, source: MapError },
    #[error("the generation of program {program} is replaced again and again; try once more")]
    Unsettled { program: u32 },
}

impl From<ProgramError> for InspectError {
    fn from(error: ProgramError) -> Self {
        match error {
            ProgramError::SyscallError(error) if error.io_error.raw_os_error() == Some(EPERM) => {
                Self::Privilege(error.io_error)
            }
            error => Self::Programs(error),
        }
    }
}

/// Returns the error of reading a map.
pub(super) fn failed(program: u32, map: &'static str) -> impl Fn(MapError) -> InspectError {
    move |source| match source {
        MapError::SyscallError(error) if error.io_error.raw_os_error() == Some(EPERM) => {
            InspectError::Privilege(error.io_error)
        }
        source => InspectError::Map { program, map, source },
    }
}
