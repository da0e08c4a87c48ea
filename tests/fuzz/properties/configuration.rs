//! The command line and the environment: they are rejected with a usage error, or give a configuration within
//! every documented bound.

use std::{
    ffi::{OsStr, OsString},
    fmt::Debug,
    os::unix::ffi::OsStrExt as _,
    time::Duration,
};

use d365_common::{
    direct::MOST_PAGES,
    mark::GEO_BITS,
    names::{MAX_INTERFACES, MAX_PORTS},
};
use d365_user::{
    cli::Cli,
    config::{Config, MAX_INTERFACE_NAME},
    ranges::Policy,
    settings::{LeaseTerm, Tags, Unlisted},
    source::{Spec, download::Target},
};

/// Arguments and variables that the daemon is started with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// The program's name comes first.
    pub(crate) arguments: Vec<OsString>,
    /// Each name occurs only once.
    pub(crate) variables: Vec<(OsString, OsString)>,
}

impl Start {
    /// Reads an input: one item a line. A line `D365_NAME=VALUE` is a variable, any other line is an
    /// argument. Returns `None` for an input with a zero byte, which no system passes to a program.
    pub(crate) fn read(input: &[u8]) -> Option<Self> {
        if input.contains(&0) {
            return None;
        }
        let mut start = Self { arguments: vec!["d365-user".into()], variables: Vec::new() };
        for line in input.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let owned = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
            match line.iter().position(|byte| *byte == b'=') {
                Some(at) if line.starts_with(b"D365_") => {
                    let name = owned(&line[..at]);
                    start.variables.retain(|(other, _)| *other != name);
                    start.variables.push((name, owned(&line[at + 1..])));
                }
                _ => start.arguments.push(owned(line)),
            }
        }
        Some(start)
    }
}

/// Checks the properties of these arguments in the environment of this process.
pub(crate) fn check(arguments: &[OsString]) {
    let cli = match Cli::parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // `--help` and `--version` are not errors: their exit code is 0.
            assert!([0, 2].contains(&error.exit_code()), "{error}");
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    // A task has its own flags, and gives no configuration.
    if cli.command.is_some() {
        return;
    }
    match Config::new(cli.daemon.clone()) {
        Ok((config, warnings)) => {
            is_within_bounds(&config);
            assert!(warnings.iter().all(|warning| !warning.to_string().is_empty()));
            let again = Config::new(cli.daemon).expect("it was accepted");
            assert_eq!(again, (config, warnings));
        }
        Err(error) => {
            let message = error.to_string();
            assert!(!message.contains(char::is_control), "{message:?}");
        }
    }
}

fn is_within_bounds(config: &Config) {
    let interfaces: Vec<&str> = config.interfaces.texts().collect();
    within(&interfaces, MAX_INTERFACES);
    interfaces.iter().for_each(|name| is_an_interface_name(name));
    assert!(config.interfaces.rows() <= MAX_INTERFACES);
    within(&config.ports, MAX_PORTS);
    assert!(!config.ports.contains(&0));
    within(&config.ranges, usize::MAX);
    assert_eq!(config.targets.len(), config.ranges.len());
    config
        .ranges
        .iter()
        .zip(&config.targets)
        .for_each(|(spec, target)| leads_where_it_may(spec, target.as_ref()));
    assert!((1..=Policy::HIGHEST_MAX_RANGES).contains(&config.max_ranges));
    assert!(config.max_pages <= MOST_PAGES);

    let gate = &config.gate;
    [config.refresh, gate.confirm_after, gate.hold, gate.grace].into_iter().for_each(is_a_time);
    assert!(gate.longest_gap > config.refresh + config.refresh / 10);
    if let LeaseTerm::For(term) = config.lease {
        is_a_time(term);
    }
    are_tags(&config.tags);
    if let Unlisted::Drop { failsafe } = &config.unlisted {
        within_or_none(failsafe);
        assert!(failsafe.iter().all(|prefix| prefix.trunc() == *prefix));
    }
    assert!(!config.log_filter.to_string().is_empty());
}

/// Asserts that there is at least one value, that there are at most `most`, and that each occurs only once.
fn within<T: PartialEq + Debug>(values: &[T], most: usize) {
    assert!((1..=most).contains(&values.len()), "{values:?}");
    within_or_none(values);
}

fn within_or_none<T: PartialEq + Debug>(values: &[T]) {
    for (at, value) in values.iter().enumerate() {
        assert!(!values[..at].contains(value), "{value:?} twice in {values:?}");
    }
}

fn is_an_interface_name(name: &str) {
    assert!((1..=MAX_INTERFACE_NAME).contains(&name.len()) && ![".", ".."].contains(&name), "{name:?}");
    let bad = |c: char| c.is_whitespace() || c.is_control() || c == '/' || c == ':';
    assert!(!name.contains(bad), "{name:?}");
}

fn leads_where_it_may(spec: &Spec, target: Option<&Target>) {
    match (spec, target) {
        (Spec::Embedded | Spec::File(_), None) => {}
        (Spec::Url(_), Some(Target::Document { url, hosts })) => {
            assert!(url.as_str().starts_with("https://") && hosts.allow(url), "{url}");
        }
        (Spec::Azure(_), Some(Target::Page { page, otherwise, page_hosts, .. })) => {
            for page in [Some(page), otherwise.as_ref()].into_iter().flatten() {
                assert!(page.as_str().starts_with("https://") && page_hosts.allow(page), "{page}");
            }
        }
        (spec, target) => panic!("{spec:?} leads to {target:?}"),
    }
}

/// Asserts that a time is in whole seconds, from one second to a century.
fn is_a_time(time: Duration) {
    let century = 100 * 366 * 24 * 60 * 60;
    assert!(time.subsec_nanos() == 0 && (1..=century).contains(&time.as_secs()), "{time:?}");
}

fn are_tags(tags: &Tags) {
    if let Some(mark) = tags.mark {
        let (base, mask) = (mark.base(), mark.mask());
        assert!(base != 0 && base & !mask == 0 && mask & GEO_BITS == 0, "{base:#x}/{mask:#x}");
    }
    if let Some(dscp) = tags.dscp {
        assert!((1..=63).contains(&dscp.number()));
    }
    assert!(!tags.retired || tags.any(), "retired ranges get a tag, and there is none");
}
