//! The command line: flags, and for each of them a variable of the environment (`D365_…`).
//!
//! This module turns words into numbers and addresses, each by itself. [`crate::config`] decides what they
//! mean together. A flag on the command line has priority over its variable. A variable that is set but empty
//! counts as not set, because unit files and container templates leave such variables.

use std::{
    ffi::{OsStr, OsString},
    sync::LazyLock,
};

use clap::{CommandFactory as _, FromArgMatches as _, Parser};

use crate::{
    exit::Exit,
    source::{embedded, redacted},
    version::{OBJECT, REVISION, VERSION},
};

mod commands;
mod daemon;
pub mod environment;
mod export;
mod tags;
mod updates;
mod words;

pub use commands::{Approve, Command, Detach, Doctor, Drift, Ranges};
pub use daemon::DaemonFlags;
pub use export::Export;
pub(crate) use tags::{Tag, TagFlags, Verdict};
pub(crate) use updates::UpdateFlags;

/// Version, commit, kernel object and embedded list.
static VERSION_LINE: LazyLock<String> = LazyLock::new(|| {
    let embedded = embedded::list().ok().and_then(|list| list.origin.date);
    let embedded = embedded.as_deref().unwrap_or("unknown");
    format!("{VERSION} (commit {REVISION}, kernel object {OBJECT}, embedded list of {embedded})")
});

/// The part of `--help` after the flags.
static AFTER_HELP: LazyLock<String> = LazyLock::new(|| {
    format!(
        "\
Examples:
  d365-user --iface eth0
      Count on eth0, metrics at http://127.0.0.1:9365/metrics
  d365-user --iface eth0,eth1 --port 25,587 --mode native
      Two interfaces, two ports; fail unless both drivers take the program
  d365-user --iface 'eth*'
      Every interface with such a name, now and later
  D365_IFACE=eth0 D365_LOG_FORMAT=json D365_LISTEN='[::1]:9365' d365-user
      The same flags from the environment, as a unit file sets them
  d365-user --iface eth0 --ranges embedded,azure --tag mark
      Mark packets from listed ranges, for nftables and the mail server; see docs/tags.md
  d365-user doctor --iface eth0
      Check if this host is fit for it, and show what to do
  d365-user drift; d365-user approve
      Check if all lists agree; show the changes that wait, and approve them

Needs root, or the capabilities CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON.

Exit codes:
{}",
        Exit::table()
    )
});

/// The command line and the environment. Each value is valid by itself.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "d365-user",
    version = VERSION_LINE.as_str(),
    about = "Counts SMTP connections and packets from Dynamics 365 Customer Insights – Journeys, by the sender's geo",
    long_about = "Counts the SMTP connections and packets that reach this host from Dynamics 365 Customer Insights – \
        Journeys, by the sender's geo. One connection may carry many mails. A geo is where the service sends from, as \
        documented or inferred from the Azure region, and not where the recipient is.\n\n\
        An eBPF program on each interface recognises TCP packets to the mail port from the service's \
        published ranges, counts them, tags them on request, and lets every packet pass by default. Counters \
        are served as Prometheus metrics.",
    after_help = AFTER_HELP.as_str(),
    max_term_width = 100,
    subcommand_negates_reqs = true,
    args_conflicts_with_subcommands = true,
)]
pub struct Cli {
    /// The daemon's flags. They have no meaning together with a task.
    #[command(flatten)]
    pub daemon: DaemonFlags,

    /// The task to run in place of the daemon.
    #[command(subcommand)]
    pub command: Option<Command>,
}

impl Cli {
    /// Reads the arguments, the program's name first, and the environment.
    ///
    /// # Errors
    /// The errors of clap, including `--help` and `--version`: the caller should call `exit()` on them.
    pub fn parse_from<I, T>(arguments: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<OsString>,
    {
        let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
        let matches = command_for(&arguments).try_get_matches_from(arguments).map_err(without_secrets)?;
        let mut cli = Self::from_arg_matches(&matches).map_err(without_secrets)?;
        match (&mut cli.command, matches.subcommand()) {
            (Some(Command::Check(flags)), Some((_, matches))) => flags.complete(matches),
            _ => cli.daemon.complete(&matches),
        }
        Ok(cli)
    }
}

/// Removes what may be a token from an error: clap shows the value that it rejects.
fn without_secrets(error: clap::Error) -> clap::Error {
    let shown = error.to_string();
    let redacted = redacted(&shown);
    if !error.use_stderr() || redacted == shown {
        return error;
    }
    clap::Error::raw(error.kind(), redacted.strip_prefix("error: ").unwrap_or(&redacted))
}

/// The command for these arguments. A task does not read the daemon's variables, so that none of them can
/// fail it.
fn command_for(arguments: &[OsString]) -> clap::Command {
    let command = command();
    match arguments.get(1) {
        Some(first) if command.get_subcommands().any(|task| first == task.get_name()) => {
            command.mut_args(|arg| arg.env(None::<&str>))
        }
        _ => command,
    }
}

/// The command, which ignores variables that are set but empty.
fn command() -> clap::Command {
    let command = Cli::command().mut_args(ignore_empty_env);
    command.mut_subcommands(|task| task.mut_args(ignore_empty_env))
}

fn ignore_empty_env(arg: clap::Arg) -> clap::Arg {
    let arg = arg.hide_env_values(true);
    let value = arg.get_env().and_then(std::env::var_os);
    match value.as_deref().and_then(OsStr::to_str) {
        Some(value) if value.trim().is_empty() => arg.env(None::<&str>),
        _ => arg,
    }
}

#[cfg(test)]
mod tests;
