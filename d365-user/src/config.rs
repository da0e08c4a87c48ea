//! The meaning of the command line and the environment, checked as a whole.
//!
//! The result of [`Config::new`] is within every limit. Nothing here opens a file or asks the kernel: another
//! module checks if an interface exists.

use std::{path::PathBuf, time::Duration};

use d365_common::names::{MAX_INTERFACES, MAX_PORTS};

mod error;
mod interfaces;
mod repeated;
mod tags;
mod warning;

use self::repeated::each_once;
pub use self::{
    error::ConfigError,
    interfaces::{Interfaces, MAX_INTERFACE_NAME},
    warning::Warning,
};
use crate::{
    cli::{DaemonFlags, UpdateFlags},
    export::{FORMATS, Format},
    gate::GatePolicy,
    logging::{LogFilter, LogFormat},
    ranges::SourceSet,
    settings::{HttpHost, LeaseTerm, Listen, ModePolicy, RangeMetrics, Tags, Unlisted},
    source::{
        Spec,
        download::{Target, Url, UserAgent},
    },
};

/// The configuration of the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The interfaces: 1 to [`MAX_INTERFACES`] names and patterns, each once.
    pub interfaces: Interfaces,
    /// True if an interface may be missing at the start.
    pub wait_for_iface: bool,
    /// True if the programs are attached again to an interface that has lost them or has returned.
    pub reattach: bool,
    /// The XDP mode that may be used.
    pub mode: ModePolicy,
    /// TCP ports in host byte order, 1 to [`MAX_PORTS`], each once, none zero.
    pub ports: Vec<u16>,
    /// The range lists, at least one, each once.
    pub ranges: Vec<Spec>,
    /// True if prefixes of special use (loopback, private, documentation …) are accepted.
    pub allow_special: bool,
    /// Capacity for ranges, 1 to [`Policy::HIGHEST_MAX_RANGES`](crate::ranges::Policy::HIGHEST_MAX_RANGES).
    pub max_ranges: u32,
    /// Maximum number of pages of the direct table, up to [`MOST_PAGES`](d365_common::direct::MOST_PAGES).
    pub max_pages: u32,
    /// The download target of each list of `ranges`; `None` for a local list.
    pub targets: Vec<Option<Target>>,
    /// The name by which servers know this program.
    pub user_agent: UserAgent,
    /// Interval between downloads, a tenth more or less.
    pub refresh: Duration,
    /// The limits of the gates.
    pub gate: GatePolicy,
    /// Time for which a source's ranges are trusted after its last confirmation.
    pub lease: LeaseTerm,
    /// Directory for the data that survives a restart.
    pub state_dir: PathBuf,
    /// True if the programs stay attached when the daemon ends.
    pub keep_attached: bool,
    /// Directory of the pins.
    pub pin_dir: PathBuf,
    /// True if unlisted sources are looked up in Azure's prefixes.
    pub watch_azure: bool,
    /// The tags of trusted packets.
    pub tags: Tags,
    /// The action on new connections from unlisted sources.
    pub unlisted: Unlisted,
    /// The address of the HTTP server; port 0 lets the kernel choose.
    pub listen: Listen,
    /// The file of the web configuration.
    pub web_config: Option<PathBuf>,
    /// The directory of the exports, which may be missing.
    pub export: Option<PathBuf>,
    /// The formats of the exports, at least one, each once.
    pub export_formats: Vec<Format>,
    /// Hosts by which HTTP requests may name this server, in addition to its own addresses.
    pub allow_http_host: Vec<HttpHost>,
    /// Series by range.
    pub range_metrics: RangeMetrics,
    /// Format of the log lines.
    pub log_format: LogFormat,
    /// The filter of the log lines.
    pub log_filter: LogFilter,
    /// True if each classified packet is logged.
    pub log_packets: bool,
}

impl Config {
    /// The configuration from the command line, and warnings about corrections of it.
    ///
    /// # Errors
    /// The first value that is out of bounds.
    pub fn new(flags: DaemonFlags) -> Result<(Self, Vec<Warning>), ConfigError> {
        let mut warnings = Vec::new();
        let interfaces = Interfaces::new(each_once("--iface", flags.iface, MAX_INTERFACES, &mut warnings)?)?;
        let ports = each_once("--port", flags.port, MAX_PORTS, &mut warnings)?;
        let specs = flags.ranges.iter().map(|text| Spec::several(text)).collect::<Result<Vec<_>, _>>()?;
        let ranges = each_once("--ranges", specs.concat(), SourceSet::MOST, &mut warnings)?;
        if let Some(name) = shared_name(&ranges) {
            return Err(ConfigError::SameSource(name));
        }
        let updates = flags.updates;
        let queries = [
            ("--ranges", ranges.iter().any(|spec| spec.kind().has_query())),
            ("--page-url", updates.page_url.as_ref().is_some_and(Url::has_query)),
        ];
        let public = queries.iter().filter(|(flag, has)| *has && flags.urls_on_command_line.contains(flag));
        warnings.extend(public.map(|(flag, _)| Warning::PublicQuery { flag }));
        if updates.pin_dir_is_given && !updates.keep_attached {
            warnings.push(Warning::Idle { flag: "--pin-dir", needed: "--keep-attached" });
        }
        let targets = ranges.iter().map(|spec| target(spec, &updates)).collect::<Result<_, _>>()?;
        let config = Self {
            interfaces,
            wait_for_iface: flags.wait_for_iface,
            reattach: !flags.no_reattach,
            mode: flags.mode,
            ports,
            ranges,
            allow_special: flags.allow_special,
            max_ranges: flags.max_ranges,
            max_pages: flags.max_pages,
            targets,
            refresh: updates.refresh,
            gate: gate(&updates),
            user_agent: updates.user_agent.unwrap_or_default(),
            lease: updates.lease,
            state_dir: updates.state_dir,
            keep_attached: updates.keep_attached,
            pin_dir: updates.pin_dir,
            watch_azure: updates.watch_azure,
            tags: tags::tags(&flags.tags, flags.mode)?,
            unlisted: tags::unlisted(&flags.tags, &mut warnings)?,
            listen: flags.listen,
            web_config: flags.web_config,
            export: flags.export,
            export_formats: formats(&flags.export_format),
            allow_http_host: each_once(
                "--allow-http-host",
                flags.allow_http_host,
                usize::MAX,
                &mut warnings,
            )?,
            range_metrics: flags.range_metrics,
            log_format: flags.log_format,
            log_filter: flags.log_level,
            log_packets: flags.log_packets,
        };
        Ok((config, warnings))
    }
}

/// The download target of `spec`.
fn target(spec: &Spec, updates: &UpdateFlags) -> Result<Option<Target>, ConfigError> {
    let found = spec.kind().target(updates.page_url.as_ref(), &updates.allow_host);
    found.map_err(|problem| ConfigError::Url { spec: spec.clone(), problem })
}

/// The formats of these names; all if there is no name. The command line accepts only names of formats.
fn formats(names: &[String]) -> Vec<Format> {
    let is_named = |format: &Format| names.is_empty() || names.iter().any(|name| name == format.name);
    FORMATS.into_iter().filter(is_named).collect()
}

/// The name that two sources share.
fn shared_name(ranges: &[Spec]) -> Option<String> {
    let names: Vec<String> = ranges.iter().map(ToString::to_string).collect();
    names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)).map(|(_, name)| name.clone())
}

/// The gates' limits. The refresh interval and a tenth of it may pass between two fetches, and the list still
/// counts as offered.
fn gate(updates: &UpdateFlags) -> GatePolicy {
    GatePolicy {
        confirm_after: updates.confirm_after,
        hold: updates.hold,
        grace: updates.grace,
        longest_gap: GatePolicy::gap_of(updates.refresh),
        ..GatePolicy::default()
    }
}

#[cfg(test)]
mod tests;
