//! The daemon's flags, which `check` has too.

use std::path::PathBuf;

use clap::{
    ArgMatches, Args,
    builder::{BoolishValueParser, PossibleValuesParser},
    parser::ValueSource::{CommandLine, DefaultValue, EnvVariable},
};
use d365_common::direct;

use super::{tags::TagFlags, updates::UpdateFlags};
use crate::{
    export::FORMATS,
    logging::{LogFilter, LogFormat},
    ranges::Policy,
    settings::{HttpHost, Listen, ModePolicy, RangeMetrics},
};

/// The default of `--listen`.
pub(crate) const DEFAULT_LISTEN: &str = "127.0.0.1:9365";

/// The flags, each valid by itself.
#[derive(Clone, Debug, Args)]
pub struct DaemonFlags {
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

    /// Address for /metrics, /healthz and /readyz; IPv6 as `[::1]:9365`, port 0 lets the kernel choose;
    /// `unix:PATH` is a Unix socket. Sockets that systemd passes are used in its place
    #[arg(
        long, env = "D365_LISTEN", value_name = "ADDR:PORT", default_value = DEFAULT_LISTEN,
        help_heading = "Metrics and log"
    )]
    pub(crate) listen: Listen,

    /// File with TLS, passwords and limits for HTTP, in the format of Prometheus's exporters; read again when
    /// it changes
    #[arg(long, env = "D365_WEB_CONFIG", value_name = "FILE", help_heading = "Metrics and log")]
    pub(crate) web_config: Option<PathBuf>,

    /// Directory in which the published list is kept current as a file for each format, for other programs
    #[arg(long, env = "D365_EXPORT", value_name = "DIR", help_heading = "Exports")]
    pub(crate) export: Option<PathBuf>,

    /// Format to keep in the directory of --export; repeat it, or separate formats by commas [default: all]
    #[arg(
        long, env = "D365_EXPORT_FORMAT", value_name = "FORMAT", value_delimiter = ',', requires = "export",
        value_parser = PossibleValuesParser::new(FORMATS.map(|format| format.name)), help_heading = "Exports"
    )]
    pub(crate) export_format: Vec<String>,

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
}

impl DaemonFlags {
    /// Adds what only `matches` shows: the origin of each value.
    pub(super) fn complete(&mut self, matches: &ArgMatches) {
        if matches.value_source("ranges") == Some(EnvVariable) {
            let specs = self.ranges.iter().flat_map(|specs| specs.split_whitespace());
            self.ranges = specs.map(str::to_owned).collect();
        }
        let flags = [("ranges", "--ranges"), ("page_url", "--page-url")];
        let typed = flags.iter().filter(|(id, _)| matches.value_source(id) == Some(CommandLine));
        self.urls_on_command_line = typed.map(|(_, flag)| *flag).collect();
        self.updates.pin_dir_is_given = matches.value_source("pin_dir") != Some(DefaultValue);
    }
}
