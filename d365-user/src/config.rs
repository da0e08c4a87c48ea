//! What the command line and the environment mean: checked as a whole, and total.
//!
//! What [`Config::new`] gives is within every limit. Nothing here opens a file or asks the kernel:
//! whether an interface exists is not this module's to say.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use d365_common::names::{MAX_INTERFACES, MAX_PORTS};
use thiserror::Error;

mod http_host;
mod tags;
mod warning;

pub use self::{
    http_host::HttpHost,
    tags::{Tags, TcOrder, Unlisted},
    warning::Warning,
};
pub use crate::cli::LeaseTerm;
use crate::{
    cli::{Cli, Updates},
    generation::gate::GatePolicy,
    logging::{LogFilter, LogFormat},
    ranges::SourceSet,
    source::{
        Spec, SpecError,
        download::{Target, Url, UrlError, UserAgent},
    },
};

/// Longest name of an interface in bytes: an alternative name's, the kernel's `ALTIFNAMSIZ` (128) less the terminating zero.
pub const MAX_INTERFACE_NAME: usize = 127;

/// Which XDP mode may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ModePolicy {
    /// Native where the driver takes it, otherwise generic, unless that would blind tc filters.
    #[default]
    Auto,
    /// Native (in the driver), or fail.
    Native,
    /// Generic (in the network stack), with a warning where it blinds tc filters.
    Generic,
}

/// Series by range, besides those by geo.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum RangeMetrics {
    /// As long as there are at most 1000 ranges.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

impl RangeMetrics {
    /// Ranges up to which `auto` shows each: three series and some 220 bytes a range and interface, so that a
    /// scrape of one interface stays below a quarter of a megabyte. The vendor's list has had at most 50.
    pub const MOST: usize = 1000;

    /// Returns true if a list of so many ranges is shown range by range.
    #[must_use]
    pub const fn shows(self, ranges: usize) -> bool {
        match self {
            Self::Auto => ranges <= Self::MOST,
            Self::On => true,
            Self::Off => false,
        }
    }
}

/// What the daemon shall do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The interfaces, 1 to [`MAX_INTERFACES`], each once, in the order given.
    pub interfaces: Vec<String>,
    /// Which XDP mode may be used.
    pub mode: ModePolicy,
    /// TCP ports in host byte order, 1 to [`MAX_PORTS`], each once, none zero.
    pub ports: Vec<u16>,
    /// The range lists, at least one, each once.
    pub ranges: Vec<Spec>,
    /// Whether prefixes of special use (loopback, private, documentation …) are accepted.
    pub allow_special: bool,
    /// Capacity for ranges, 1 to [`Policy::HIGHEST_MAX_RANGES`](crate::ranges::Policy::HIGHEST_MAX_RANGES).
    pub max_ranges: u32,
    /// Pages of the direct table at most, up to [`MOST_PAGES`](d365_common::direct::MOST_PAGES).
    pub max_pages: u32,
    /// Where to download each list of `ranges`; `None` for those that are here.
    pub targets: Vec<Option<Target>>,
    /// The name by which servers know this program.
    pub user_agent: UserAgent,
    /// How often downloads are repeated, a tenth more or less.
    pub refresh: Duration,
    /// What the gate waits for.
    pub gate: GatePolicy,
    /// How long the list is vouched for.
    pub lease: LeaseTerm,
    /// Where what survives a restart is kept.
    pub state_dir: PathBuf,
    /// Where counters are pinned.
    pub pin_dir: PathBuf,
    /// Whether unlisted sources are looked up in Azure's prefixes.
    pub watch_azure: bool,
    /// The tags of vouched-for packets.
    pub tags: Tags,
    /// What becomes of new connections from unlisted sources.
    pub unlisted: Unlisted,
    /// Where HTTP is served; port 0 lets the kernel choose.
    pub listen: SocketAddr,
    /// Hosts by which HTTP requests may name this server, besides its own addresses.
    pub allow_http_host: Vec<HttpHost>,
    /// Series by range.
    pub range_metrics: RangeMetrics,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// Which log lines are written.
    pub log_filter: LogFilter,
    /// Whether each classified packet is logged.
    pub log_packets: bool,
}

/// Why the command line and the environment are no configuration. Each is one line.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ConfigError {
    /// The kernel would not take it for a name.
    #[error(
        "--iface `{}` is no interface name: {reason}; `ip -brief link` lists the names",
        name.escape_debug()
    )]
    InterfaceName {
        /// What was given.
        name: String,
        /// Which rule it breaks.
        reason: &'static str,
    },
    /// More than [`MAX_INTERFACES`].
    #[error("--iface is given {0} times, at most {MAX_INTERFACES} can be watched by one daemon")]
    TooManyInterfaces(usize),
    /// More than [`MAX_PORTS`].
    #[error("--port is given {0} times, at most {MAX_PORTS} can be watched")]
    TooManyPorts(usize),
    /// More than [`SourceSet::MOST`].
    #[error("--ranges is given {0} times, at most {most} sources can be used", most = SourceSet::MOST)]
    TooManySources(usize),
    /// A source that is no source.
    #[error("--ranges: {0}")]
    Ranges(#[from] SpecError),
    /// A URL that is never fetched.
    #[error("--ranges {spec}: {problem}")]
    Url {
        /// The source.
        spec: Spec,
        /// The fault.
        problem: UrlError,
    },
    /// Two sources that nothing tells apart wherever they are shown and kept.
    #[error("--ranges: two sources are called {0}; give each a name of its own, as in url:NAME=https://…")]
    SameSource(String),
    /// No tag, and a tag.
    #[error("--tag none stands alone: leave it out, or the other tags")]
    NoneAndMore,
    /// A flag that would do nothing.
    #[error("{flag} needs {needed}; without it nothing is tagged so")]
    Needs {
        /// The flag that was given.
        flag: &'static str,
        /// What was not.
        needed: &'static str,
    },
}

impl Config {
    /// The meaning of what was typed, and what was put right in it.
    ///
    /// # Errors
    /// The first thing that is out of bounds.
    pub fn new(cli: Cli) -> Result<(Self, Vec<Warning>), ConfigError> {
        let mut warnings = Vec::new();
        for name in &cli.iface {
            interface_name(name)?;
        }
        let interfaces = once("--iface", cli.iface, &mut warnings);
        if interfaces.len() > MAX_INTERFACES {
            return Err(ConfigError::TooManyInterfaces(interfaces.len()));
        }
        let ports = once("--port", cli.port, &mut warnings);
        if ports.len() > MAX_PORTS {
            return Err(ConfigError::TooManyPorts(ports.len()));
        }
        let specs = cli.ranges.iter().map(|text| Spec::several(text)).collect::<Result<Vec<_>, _>>()?;
        let ranges = once("--ranges", specs.concat(), &mut warnings);
        if ranges.len() > SourceSet::MOST {
            return Err(ConfigError::TooManySources(ranges.len()));
        }
        if let Some(name) = shared_name(&ranges) {
            return Err(ConfigError::SameSource(name));
        }
        let updates = cli.updates;
        let queries = [
            ("--ranges", ranges.iter().any(|spec| matches!(spec, Spec::Url(url) if url.has_query()))),
            ("--page-url", updates.page_url.as_ref().is_some_and(Url::has_query)),
        ];
        let public = queries.iter().filter(|(flag, has)| *has && cli.urls_on_command_line.contains(flag));
        warnings.extend(public.map(|(flag, _)| Warning::PublicQuery { flag }));
        let targets = ranges.iter().map(|spec| target(spec, &updates)).collect::<Result<_, _>>()?;
        let config = Self {
            interfaces,
            mode: cli.mode,
            ports,
            ranges,
            allow_special: cli.allow_special,
            max_ranges: cli.max_ranges,
            max_pages: cli.max_pages,
            targets,
            refresh: updates.refresh,
            gate: gate(&updates),
            user_agent: updates.user_agent.unwrap_or_default(),
            lease: updates.lease,
            state_dir: updates.state_dir,
            pin_dir: updates.pin_dir,
            watch_azure: updates.watch_azure,
            tags: Tags::new(&cli.tags)?,
            unlisted: Unlisted::new(&cli.tags, &mut warnings),
            listen: cli.listen,
            allow_http_host: once("--allow-http-host", cli.allow_http_host, &mut warnings),
            range_metrics: cli.range_metrics,
            log_format: cli.log_format,
            log_filter: cli.log_level,
            log_packets: cli.log_packets,
        };
        Ok((config, warnings))
    }
}

/// Where to download what `spec` names.
fn target(spec: &Spec, updates: &Updates) -> Result<Option<Target>, ConfigError> {
    let found = match spec {
        Spec::Embedded | Spec::File(_) => return Ok(None),
        Spec::Url(url) => url.url().parse().map(|url| Target::document(url, &updates.allow_host)),
        Spec::Azure(cloud) => Target::current(*cloud, updates.page_url.clone(), &updates.allow_host),
    };
    found.map(Some).map_err(|problem| ConfigError::Url { spec: spec.clone(), problem })
}

/// The name that two sources share.
fn shared_name(ranges: &[Spec]) -> Option<String> {
    let names: Vec<String> = ranges.iter().map(ToString::to_string).collect();
    names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)).map(|(_, name)| name.clone())
}

/// The gate's limits. Between two fetches the interval and its tenth may pass, and still count as offered.
fn gate(updates: &Updates) -> GatePolicy {
    GatePolicy {
        confirm_after: updates.confirm_after,
        hold: updates.hold,
        grace: updates.grace,
        longest_gap: GatePolicy::gap_of(updates.refresh),
        ..GatePolicy::default()
    }
}

/// Each value once, in the order of its first coming.
fn once<T: PartialEq + ToString>(flag: &'static str, values: Vec<T>, warnings: &mut Vec<Warning>) -> Vec<T> {
    let mut kept: Vec<T> = Vec::with_capacity(values.len());
    for value in values {
        if kept.contains(&value) {
            let warning = Warning::Duplicate { flag, value: value.to_string() };
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        } else {
            kept.push(value);
        }
    }
    kept
}

/// The kernel's rules for a name (`dev_valid_name`, net/core/dev.c), and no control characters,
/// which would spoil log lines.
fn interface_name(name: &str) -> Result<(), ConfigError> {
    let reason = match name {
        "" => "it is empty",
        "." | ".." => "it is a directory's name",
        _ if name.len() > MAX_INTERFACE_NAME => "it is longer than 127 bytes",
        _ if name.contains(['/', ':']) => "it holds a slash or a colon",
        _ if name.contains(char::is_whitespace) => "it holds white space",
        _ if name.contains(char::is_control) => "it holds a control character",
        _ => return Ok(()),
    };
    Err(ConfigError::InterfaceName { name: name.to_owned(), reason })
}

#[cfg(test)]
mod tests;
