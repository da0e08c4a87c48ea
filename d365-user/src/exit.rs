//! The exit codes, documented once, for `main`, `--help` and the documents.
//!
//! A number never changes its meaning: scripts and unit files rely on it. This module decides nothing; each
//! stage's error selects its exit code.

use std::fmt::Write as _;

/// The reason for which the process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// It was asked to stop and did.
    Success = 0,
    /// An error that should not happen; the message describes it.
    Internal = 1,
    /// The command line or the environment is not valid (clap's own code).
    Usage = 2,
    /// No range list can be used.
    Ranges = 3,
    /// An interface does not exist or cannot be used.
    Interface = 4,
    /// A capability is missing.
    Privilege = 5,
    /// Another XDP program is on the interface.
    Occupied = 6,
    /// The address to listen on is in use or not allowed.
    Listen = 7,
    /// The kernel lacks a feature that is needed.
    Kernel = 8,
    /// The kernel's verifier rejected the program.
    Verifier = 9,
    /// The program could not be attached for any other reason.
    Attach = 10,
    /// The state directory cannot be used.
    State = 11,
    /// A limit of threads, file descriptors, memory or processor time is reached.
    Resources = 12,
    /// The web configuration cannot be used.
    WebConfig = 13,
}

impl Exit {
    /// All exit codes by number, each with one line for the operator, without a full stop.
    pub const TABLE: [(Self, &str); 14] = [
        (Self::Success, "stopped by SIGINT or SIGTERM; or the task is done"),
        (
            Self::Internal,
            "unexpected internal error; drift: the lists differ; approve: not done; doctor: warnings",
        ),
        (Self::Usage, "command line or environment not valid; doctor: errors"),
        (Self::Ranges, "range list unusable"),
        (Self::Interface, "interface missing or unusable"),
        (Self::Privilege, "not privileged (the message names the capabilities)"),
        (Self::Occupied, "another XDP program is on the interface"),
        (Self::Listen, "listen address in use or not allowed"),
        (Self::Kernel, "kernel lacks a needed feature (the message names it)"),
        (Self::Verifier, "program refused by the kernel's verifier"),
        (
            Self::Attach,
            "attach failed (native mode refused, packets that return in generic mode, or any other reason)",
        ),
        (Self::State, "state directory unusable, or in use by another daemon"),
        (
            Self::Resources,
            "too few threads, file descriptors, memory or processor time (the message names the limit)",
        ),
        (Self::WebConfig, "web configuration unusable (the message names file and field)"),
    ];

    /// The answer of a task that is not the good one: `drift` found differences, `approve` did nothing,
    /// `doctor` found warnings. It has the number of [`Exit::Internal`].
    pub const FINDINGS: Self = Self::Internal;
    /// `doctor` found errors. It has the number of [`Exit::Usage`].
    pub const UNFIT: Self = Self::Usage;

    /// The number that the operating system gets.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// All exit codes as text, one a line, with aligned numbers.
    #[must_use]
    pub fn table() -> String {
        Self::TABLE.iter().fold(String::new(), |mut table, (exit, description)| {
            // Writing to a string cannot fail.
            let _ = writeln!(table, "  {:>2}  {description}", exit.code());
            table
        })
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn numbers_are_the_documented_ones() {
        for (number, (exit, _)) in Exit::TABLE.into_iter().enumerate() {
            assert_eq!(usize::from(exit.code()), number, "{exit:?}");
        }
    }

    #[test]
    fn the_table_has_one_line_each() {
        let table = Exit::table();
        assert_eq!(table.lines().count(), Exit::TABLE.len());
        assert!(table.contains("   3  range list unusable\n"), "{table}");
        assert!(table.contains("\n  10  attach failed"), "{table}");
    }
}
