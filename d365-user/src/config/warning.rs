//! What was put right in what was typed, for the log once there is one.

use std::fmt;

use ipnet::IpNet;

/// Something that was put right, or does nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The same value again.
    Duplicate {
        /// The flag that it is about (`--iface`).
        flag: &'static str,
        /// What was given more than once.
        value: String,
    },
    /// A prefix with bits behind its length.
    HostBits {
        /// The flag that it is about.
        flag: &'static str,
        /// As it was given.
        given: IpNet,
    },
    /// A URL with a query on the command line.
    PublicQuery {
        /// The flag that it was given by.
        flag: &'static str,
    },
    /// A flag that does nothing without another.
    Idle {
        /// The flag that was given.
        flag: &'static str,
        /// What was not.
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
                write!(f, "{flag} {given} has bits behind its length: it stands for {}", given.trunc())
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
