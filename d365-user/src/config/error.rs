//! The errors of a command line.

use thiserror::Error;

use crate::source::{Spec, SpecError, download::UrlError};

/// An error in the command line or the environment. Each message is one line.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[expect(missing_docs, reason = "the message of each variant describes its fields")]
pub enum ConfigError {
    #[error(
        "--iface `{}` is no interface name: {reason}; `ip -brief link` lists the names",
        name.escape_debug()
    )]
    InterfaceName { name: String, reason: &'static str },
    #[error(
        "--iface `{}` is no valid pattern: {reason}; `*` matches any characters of a name, `?` one, `[ab]` one of these",
        text.escape_debug()
    )]
    Pattern { text: String, reason: &'static str },
    #[error("{flag} is given {count} times, at most {most} can be used by one daemon")]
    TooMany { flag: &'static str, count: usize, most: usize },
    #[error("--ranges: {0}")]
    Ranges(#[from] SpecError),
    #[error("--ranges {spec}: {problem}")]
    Url { spec: Spec, problem: UrlError },
    #[error("--ranges: two sources are called {0}; give each a name of its own, as in url:NAME=https://…")]
    SameSource(String),
    #[error("--tag none excludes other tags: leave it out, or the others")]
    NoneAndMore,
    #[error("{flag} needs {needed}; without it nothing is tagged so")]
    Needs { flag: &'static str, needed: &'static str },
}
