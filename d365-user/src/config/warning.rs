//! Warnings about the command line, kept until there is a log.

use ipnet::IpNet;

/// A correction, or a flag without an effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant describes its fields")]
pub enum Warning {
    /// The same value was given again.
    #[error("{flag} {value} is given more than once; it counts once")]
    Duplicate { flag: &'static str, value: String },
    #[error("{flag} {given} has bits behind its length: it means {}", .given.trunc())]
    HostBits { flag: &'static str, given: IpNet },
    #[error(
        "{flag} has a URL with a query, which any user of this host reads on the command line (ps); if there is a token in \
         it, set {} in its place, in a file that root alone reads (EnvironmentFile=)", variable(.flag)
    )]
    PublicQuery { flag: &'static str },
    #[error("{flag} does nothing without {needed}")]
    Idle { flag: &'static str, needed: &'static str },
}

/// The variable that replaces a flag.
fn variable(flag: &str) -> String {
    format!("D365_{}", flag.trim_start_matches('-').replace('-', "_").to_uppercase())
}
