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
    Http,
    StateDir,
    StateFiles,
    ListFiles,
    Daemon,
    Lease,
    Interface,
    Kind,
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

/// The judgement of a check. If its fact is not known, the reason.
pub(super) type Judged<'a> = Result<Judgement, &'a Unknown>;

/// The answer of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Judgement {
    pub(super) level: Level,
    pub(super) found: String,
    /// The next step. Every warning and every error has one.
    pub(super) advice: Option<String>,
}

pub(super) fn ok<'a>(found: impl Into<String>) -> Judged<'a> {
    Ok(Judgement { level: Level::Ok, found: found.into(), advice: None })
}

pub(super) fn warning<'a>(found: impl Into<String>, advice: impl Into<String>) -> Judged<'a> {
    Ok(Judgement { level: Level::Warning, found: found.into(), advice: Some(advice.into()) })
}

pub(super) fn error<'a>(found: impl Into<String>, advice: impl Into<String>) -> Judged<'a> {
    Ok(Judgement { level: Level::Error, found: found.into(), advice: Some(advice.into()) })
}

/// One line of doctor's report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) check: Check,
    /// The interface of the finding; `None` for the machine as a whole.
    pub(super) interface: Option<String>,
    #[serde(flatten)]
    pub(super) judgement: Judgement,
}

impl Finding {
    /// The findings of these checks. A fact that could not be read never counts as good.
    pub(super) fn all<'a>(judged: impl IntoIterator<Item = (Check, Judged<'a>)>) -> Vec<Self> {
        let unknown = |why: &Unknown| {
            let advice = match why {
                Unknown::Refused(_) => "run doctor as root",
                Unknown::Failed(_) => "nothing was concluded from it; look into the reason",
            };
            Judgement {
                level: Level::Warning,
                found: format!("not known: {why}"),
                advice: Some(advice.to_owned()),
            }
        };
        let finding = |(check, judged): (Check, Judged<'_>)| {
            let judgement = judged.unwrap_or_else(unknown);
            Self { check, interface: None, judgement }
        };
        judged.into_iter().map(finding).collect()
    }

    pub(super) fn on(self, interface: &str) -> Self {
        Self { interface: Some(interface.to_owned()), ..self }
    }
}

/// The worst level of all findings.
pub(super) fn worst(findings: &[Finding]) -> Level {
    findings.iter().map(|finding| finding.judgement.level).max().unwrap_or(Level::Ok)
}
