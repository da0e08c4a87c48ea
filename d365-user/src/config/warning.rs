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
            Self::Idle { flag, needed } => write!(f, "{flag} does nothing without {needed}"),
        }
    }
}
