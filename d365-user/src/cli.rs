//! The command line: flags, and for each of them a variable of the environment (`D365_…`).
//!
//! This module turns words into numbers and addresses, each by itself. [`crate::config`] decides what they
//! mean together. A flag on the command line has priority over its variable. A variable that is set but empty
//! counts as not set, because unit files and container templates leave such variables.

use std::{
    ffi::{OsStr, OsString},
    net::SocketAddr,
    sync::LazyLock,
};

use clap::{
    CommandFactory as _, FromArgMatches as _, Parser, builder::BoolishValueParser, parser::ValueSource,
};

use d365_common::direct;

use crate::{
    exit::Exit,
    logging::{LogFilter, LogFormat},
    ranges::Policy,
    settings::{HttpHost, ModePolicy, RangeMetrics},
    source::redacted,
    version::{REVISION, VERSION},
};

mod commands;
pub mod environment;
mod tags;
mod updates;
mod words;

pub use commands::{Approve, Command, Detach, Doctor, Drift, Ranges};
pub(crate) use tags::{Tag, TagFlags, Verdict};
pub(crate) use updates::UpdateFlags;

/// `d365-user`'s version line: version and commit.
static VERSION_LINE: LazyLock<String> = LazyLock::new(|| format!("{VERSION} (commit {REVISION})"));

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
    /// Interface to watch, by its name or an alternative name, or a pattern for such names (`eth*`, with `*`,
    /// `?` and `[…]`; quote it in a shell), which also finds interfaces that come later; repeat it, or
    /// separate names by commas (at most 16)
    #[arg(
        long,
        env = "D365_IFACE",
        value_name = "NAME",
        value_delimiter = ',',
        required = true,
        help_heading = "Watched traffic"
    )]
    pub(crate) iface: Vec<String>,

    /// Start although some or all interfaces do not exist yet; each is attached when it appears
    #[arg(
        long, env = "D365_WAIT_FOR_IFACE", value_parser = BoolishValueParser::new(),
        help_heading = "Watched traffic"
    )]
    pub(crate) wait_for_iface: bool,

    /// Do not attach again to an interface that has lost its program or has returned
    #[arg(
        long, env = "D365_NO_REATTACH", value_parser = BoolishValueParser::new(),
        conflicts_with = "wait_for_iface", help_heading = "Watched traffic"
    )]
    pub(crate) no_reattach: bool,

    /// TCP destination port to watch; repeat it, or separate ports by commas (at most 8)
    #[arg(
        long, env = "D365_PORT", value_name = "PORT", value_delimiter = ',', default_value = "25",
        value_parser = clap::value_parser!(u16).range(1..), help_heading = "Watched traffic"
    )]
    pub(crate) port: Vec<u16>,

    /// Place of the program
    #[arg(
        long,
        env = "D365_MODE",
        value_name = "MODE",
        value_enum,
        default_value_t,
        help_heading = "Watched traffic"
    )]
    pub(crate) mode: ModePolicy,

    /// Range list: `embedded`, `file:PATH` (a service tags document, the output of `d365-user ranges`, or a
    /// plain list of `prefix[,geo[,region]]` lines), `url:[NAME=]URL` (such a document; NAME is shown in
    /// place of the URL, whose query is never shown: put one with a token into `D365_RANGES`), or
    /// `azure[:public|government|china]` (the cloud's current document); repeat it to add lists up (in
    /// `D365_RANGES` separated by white space; `embedded,azure` is the same as both). With `embedded` named,
    /// a first start without network has a list
    #[arg(
        long,
        env = "D365_RANGES",
        value_name = "SPEC",
        default_value = "embedded",
        help_heading = "Ranges"
    )]
    pub(crate) ranges: Vec<String>,

    /// Flags that were given on the command line and may hold a URL with a token: any user of the host can
    /// read them there.
    #[arg(skip)]
    pub(crate) urls_on_command_line: Vec<&'static str>,

    /// Capacity for the ranges of all lists together, at most 131072; a longer list is rejected, and ranges
    /// that do not fit together with the other lists wait until there is room
    #[arg(
        long, env = "D365_MAX_RANGES", value_name = "N", default_value_t = Policy::DEFAULT_MAX_RANGES,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(Policy::HIGHEST_MAX_RANGES)),
        help_heading = "Ranges"
    )]
    pub(crate) max_ranges: u32,

    /// Pages of the direct table at most, 2 KiB of kernel memory each; without enough, some sources are
    /// looked up in the slower trie
    #[arg(
        long, env = "D365_MAX_PAGES", value_name = "N", default_value_t = direct::DEFAULT_PAGES,
        value_parser = clap::value_parser!(u32).range(0..=i64::from(direct::MOST_PAGES)),
        help_heading = "Ranges"
    )]
    pub(crate) max_pages: u32,

    /// Accept prefixes of special use (loopback, private, link-local, documentation …); for laboratories
    #[arg(
        long, env = "D365_ALLOW_SPECIAL", value_parser = BoolishValueParser::new(),
        help_heading = "Ranges"
    )]
    pub(crate) allow_special: bool,

    #[command(flatten)]
    pub(crate) updates: UpdateFlags,

    #[command(flatten)]
    pub(crate) tags: TagFlags,

    /// Address for /metrics, /healthz and /readyz; IPv6 as `[::1]:9365`, port 0 lets the kernel choose
    #[arg(
        long, env = "D365_LISTEN", value_name = "ADDR:PORT", default_value = "127.0.0.1:9365",
        value_parser = address, help_heading = "Metrics and log"
    )]
    pub(crate) listen: SocketAddr,

    /// Host (a name or an address, without a port) by which HTTP requests may name this server, in addition
    /// to `localhost`, loopback addresses and the address of --listen; repeat it, or separate hosts by
    /// commas. On a loopback address other names are refused (DNS rebinding), elsewhere only if this flag is
    /// given
    #[arg(
        long,
        env = "D365_ALLOW_HTTP_HOST",
        value_name = "HOST",
        value_delimiter = ',',
        help_heading = "Metrics and log"
    )]
    pub(crate) allow_http_host: Vec<HttpHost>,

    /// Give each range series of its own, in addition to those of its geo: `auto` up to 1000 ranges
    #[arg(
        long,
        env = "D365_RANGE_METRICS",
        value_name = "WHEN",
        value_enum,
        default_value_t,
        help_heading = "Metrics and log"
    )]
    pub(crate) range_metrics: RangeMetrics,

    /// Format of the log lines, which are written to standard error
    #[arg(
        long,
        env = "D365_LOG_FORMAT",
        value_name = "FORMAT",
        value_enum,
        default_value_t,
        help_heading = "Metrics and log"
    )]
    pub(crate) log_format: LogFormat,

    /// Log lines to write: error, warn, info, debug or trace, or directives such as
    /// `info,d365_user::http=debug`
    #[arg(
        long,
        env = "D365_LOG_LEVEL",
        value_name = "LEVEL",
        default_value = "info",
        help_heading = "Metrics and log"
    )]
    pub(crate) log_level: LogFilter,

    /// Log each classified packet; costs much, only for looking closely
    #[arg(
        long, env = "D365_LOG_PACKETS", value_parser = BoolishValueParser::new(),
        help_heading = "Metrics and log"
    )]
    pub(crate) log_packets: bool,

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
        if matches.value_source("ranges") == Some(ValueSource::EnvVariable) {
            cli.ranges =
                cli.ranges.iter().flat_map(|specs| specs.split_whitespace()).map(str::to_owned).collect();
        }
        let flags = [("ranges", "--ranges"), ("page_url", "--page-url")];
        let typed = flags.iter().filter(|(id, _)| matches.value_source(id) == Some(ValueSource::CommandLine));
        cli.urls_on_command_line = typed.map(|(_, flag)| *flag).collect();
        cli.updates.pin_dir_is_given = matches.value_source("pin_dir") != Some(ValueSource::DefaultValue);
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

/// Reads `ADDR:PORT`.
fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "expected ADDR:PORT with a numeric address, as 127.0.0.1:9365 or [::1]:9365")
}

#[cfg(test)]
mod tests;
