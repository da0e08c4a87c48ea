//! Why the object is not in the kernel, and what to do. It only says so.

use std::io;

use aya::{EbpfError, maps::MapError};
use nix::libc::EAGAIN;

use crate::kernel::{chain, memory::explained, requirements::RequirementError};

/// Why the object is not in the kernel.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Something that it needs is missing.
    #[error(transparent)]
    Requirement(#[from] RequirementError),
    /// The verifier refused the program.
    #[error(
        "the kernel's verifier refused program {program}: {summary} ({source}); please report it with your \
         kernel's version and the whole log (--log-level debug)"
    )]
    Verifier {
        /// The program's name.
        program: &'static str,
        /// What the kernel returned.
        source: io::Error,
        /// The log's line that says why.
        summary: String,
        /// The whole log.
        log: String,
    },
    /// The verifier did not come to a verdict.
    #[error("cannot load program {program}: {source}{}", advice(.source))]
    Program {
        /// The program's name.
        program: &'static str,
        /// What the kernel returned.
        source: io::Error,
    },
    /// The object, a map or a program could not be loaded for another reason.
    #[error("cannot load the kernel object: {}", explained(.0))]
    Object(#[source] Box<EbpfError>),
    /// The program's constants could not be written.
    #[error("cannot write the program's constants into map .rodata: {}", chain(.0))]
    Constants(#[source] MapError),
    /// aya asked whether the kernel knows global data and type information (every kernel that has what else is needed does)
    /// and took a failure for a no. It asks once in a process.
    #[error(
        "cannot load the kernel object: the kernel did not load {test}, which asks what it knows{}; start the daemon again",
        .source.as_ref().map(|error| format!(": {error}")).unwrap_or_default()
    )]
    Test {
        /// What it did not load.
        test: &'static str,
        /// What it said to something of the kind.
        source: Option<io::Error>,
    },
    /// The object is not the one that this daemon knows.
    #[error("the kernel object has no {0}; build the daemon and its program from one commit")]
    Missing(&'static str),
    /// More interfaces or ports than the object has room for.
    #[error("{what}: {count} are more than the {most} that the kernel object has room for")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// The kernel did not tell of a map that it has just made.
    #[error("cannot ask the kernel for map {map}: {}", chain(.source))]
    Map {
        /// The map.
        map: &'static str,
        /// What the kernel said.
        source: MapError,
    },
}

fn advice(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(EAGAIN) => {
            "; signals to the daemon interrupted the kernel's verifier each time: find who sends them"
        }
        _ => "",
    }
}
