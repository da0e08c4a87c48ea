//! A finding of doctor: the check, its level, the facts that were found, and the next step.

use std::fmt;

use serde::Serialize;

use crate::kernel::survey::Unknown;

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// The daemon runs, but something is less than it could be, or could not be checked.
    Warning,
    /// The daemon does not run like this, or cannot be relied on.
    Error,
}

/// The subject of a check. The names are part of the interface: scripts rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Check {
    Kernel,
    Bpf,
    Btf,
    Jit,
    JitHarden,
    Memlock,
    Capabilities,
    FwmarkAccept,
    Environment,
    Clock,
    StateDir,
    StateFiles,
    ListFiles,
    Daemon,
    Lease,
    Interface,
    Place,
    Driver,
    XdpFeatures,
    Mtu,
    Lro,
    Gro,
    Native,
    Generic,
    Tc,
    XdpPrograms,
    TcPrograms,
}

/// The names in texts are those in JSON.
impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// One line of doctor's report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) check: Check,
    /// The interface of the finding; `None` for the machine as a whole.
    pub(super) interface: Option<String>,
    pub(super) level: Level,
    pub(super) found: String,
    /// The next step. Every warning and every error has one.
    pub(super) advice: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: Check, found: impl Into<String>) -> Self {
        Self { check, interface: None, level: Level::Ok, found: found.into(), advice: None }
    }

    pub(super) fn warning(check: Check, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { level: Level::Warning, advice: Some(advice.into()), ..Self::ok(check, found) }
    }

    pub(super) fn error(check: Check, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { level: Level::Error, ..Self::warning(check, found, advice) }
    }

    /// A fact that could not be read never counts as good.
    pub(super) fn unknown(check: Check, why: &Unknown) -> Self {
        let advice = match why {
            Unknown::Refused(_) => "run doctor as root",
            Unknown::Failed(_) => "nothing was concluded from it; look into the reason",
        };
        Self::warning(check, format!("not known: {why}"), advice)
    }

    pub(super) fn on(self, interface: &str) -> Self {
        Self { interface: Some(interface.to_owned()), ..self }
    }
}

/// The worst level of all findings.
pub(super) fn worst(findings: &[Finding]) -> Level {
    findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok)
}
