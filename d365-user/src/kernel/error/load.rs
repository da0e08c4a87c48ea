//! Errors of loading the kernel object, with the next step for the operator.

use std::io;

use aya::{EbpfError, maps::MapError};
use nix::libc::EAGAIN;

use super::error_chain;
use crate::kernel::{
    memory::explained,
    requirements::{self, RequirementError},
};

/// The kernel object cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what variants and fields are")]
pub enum LoadError {
    #[error(transparent)]
    Requirement(#[from] RequirementError),
    #[error(
        "the kernel's verifier refused program {program}: {summary} ({source}); please report it with your \
         kernel's version and the whole log (--log-level debug)"
    )]
    Verifier {
        program: &'static str,
        source: io::Error,
        /// The line of the log that gives the reason.
        summary: String,
        log: String,
    },
    /// A program could not be loaded, for a reason other than the verifier's verdict.
    #[error("cannot load program {program}: {source}{}", advice(.source))]
    Program { program: &'static str, source: io::Error },
    #[error("cannot load the kernel object: {}", explained(.0))]
    Object(#[source] Box<EbpfError>),
    #[error("cannot write the program's constants into maps .rodata, .data and .bss: {}", error_chain(.0))]
    Constants(#[source] MapError),
    /// aya probed the kernel for global data and type information, and treated a failure as a missing
    /// feature. Every kernel that meets the other requirements has both. aya probes only once per process.
    #[error(
        "cannot load the kernel object: the kernel did not load {test}, which probes its features{}; start the daemon again",
        .source.as_ref().map(|error| format!(": {error}")).unwrap_or_default()
    )]
    Test {
        test: &'static str,
        /// The kernel's error for a similar small program, if it rejects that too.
        source: Option<io::Error>,
    },
    #[error("the kernel object has no {0}; build the daemon and its program from one commit")]
    Missing(&'static str),
    #[error("{what}: {count} are more than the {most} that the kernel object has room for")]
    TooMany { what: &'static str, count: usize, most: usize },
    #[error("cannot give map {map} to the kernel object: {source}")]
    Replace { map: &'static str, source: io::Error },
}

impl LoadError {
    /// The requirement or the feature that is missing, if there is one; otherwise this error.
    pub(in crate::kernel) fn or_missing(otherwise: impl FnOnce() -> Self) -> Self {
        if let Err(missing) = requirements::check() {
            return missing.into();
        }
        match requirements::missing_feature() {
            Some(missing) => missing.into(),
            None => otherwise(),
        }
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(EAGAIN) => {
            "; signals to the daemon interrupted the kernel's verifier each time: find who sends them"
        }
        _ => "",
    }
}
