//! Warnings about the command line, kept until there is a log.

use std::fmt;

use ipnet::IpNet;

/// A correction, or a flag without an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The same value was given again.
    Duplicate {
        /// The flag, such as `--iface`.
        flag: &'static str,
        /// The value that was given more than once.
        value: String,
    },
    /// A prefix with bits behind its length.
    HostBits {
        /// The flag that has the prefix.
        flag: &'static str,
        /// The prefix as it was given.
        given: IpNet,
    },
    /// A URL with a query on the command line.
    PublicQuery {
        /// The flag that has the URL.
        flag: &'static str,
    },
    /// A flag that does nothing without another.
    Idle {
        /// The flag that was given.
        flag: &'static str,
        /// The flag that is missing.
        needed: &'static str,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate { flag, value } => {
                write!(f, "{flag} {value} is given more than once; once counts")
            }
            Self::HostBits { flag, given } => {
                write!(f, "{flag} {given} has bits behind its length: it means {}", given.trunc())
            }
            Self::PublicQuery { flag } => {
                let variable = flag.trim_start_matches('-').replace('-', "_").to_uppercase();
                write!(
                    f,
                    "{flag} has a URL with a query, which any user of this host reads on the command line (ps); if there is \
                     a token in it, set D365_{variable} in its place, in a file that root alone reads (EnvironmentFile=)"
                )
            }
            Self::Idle { flag, needed } => write!(f, "{flag} does nothing without {needed}"),
        }
    }
}
