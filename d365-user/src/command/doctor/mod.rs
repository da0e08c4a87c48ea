//! `doctor`: checks what the daemon needs and reports its findings, one line each. It changes nothing and
//! attaches nothing.
//!
//! [`facts`] and the kernel's survey collect facts, [`judge`] turns facts into findings, [`table`] shows them
//! to people.

use serde::Serialize;

use super::{
    error::CommandError,
    output::{json, show},
};
use crate::{cli, config::Interfaces, exit::Exit};

mod facts;
mod finding;
mod judge;
mod table;

use finding::{Finding, Level, worst};

/// The findings for programs.
#[derive(Serialize)]
struct Report<'a> {
    /// The worst level of all findings.
    level: Level,
    findings: &'a [Finding],
}

/// Collects facts, judges them, and shows the findings.
pub(super) fn run(flags: &cli::Doctor) -> Result<Exit, CommandError> {
    let interfaces = Interfaces::new(flags.iface.clone())?;
    let findings = &judge::all(&facts::gather(flags, &interfaces))[..];
    let level = worst(findings);
    // An operator who names interfaces wants to know all about them.
    let is_brief = flags.iface.is_empty();
    show(&if flags.json { json(&Report { level, findings })? } else { table::render(findings, is_brief) })?;
    Ok(exit(level))
}

const fn exit(worst: Level) -> Exit {
    match worst {
        Level::Ok => Exit::Success,
        Level::Warning => Exit::FINDINGS,
        Level::Error => Exit::UNFIT,
    }
}

#[cfg(test)]
mod tests {
    use super::{
        finding::{Check, Judged, error, ok, warning},
        *,
    };

    #[test]
    fn the_worst_finding_is_the_exit_code() {
        let warning = || warning("none", "look");
        let code = |judged: [Judged<'_>; 3]| {
            exit(worst(&Finding::all(judged.map(|judged| (Check::Kernel, judged))))).code()
        };
        assert_eq!(code([ok("6.1"), ok("6.1"), ok("6.1")]), 0);
        assert_eq!(code([ok("6.1"), warning(), ok("6.1")]), 1);
        assert_eq!(code([error("1970", "set it"), warning(), ok("6.1")]), 2);
        assert!(Level::Ok < Level::Warning && Level::Warning < Level::Error);
    }

    #[test]
    fn everything_is_in_the_json() {
        let mut findings = Finding::all([(Check::Kernel, ok("6.1")), (Check::Lro, warning("on", "off"))]);
        findings[1].interface = Some("m0".to_owned());
        let report = json(&Report { level: worst(&findings), findings: &findings }).unwrap();
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["level"], "warning");
        let line = |check, interface, level, found, advice| {
            serde_json::json!({
                "check": check, "interface": interface, "level": level, "found": found, "advice": advice,
            })
        };
        assert_eq!(report["findings"][0], line("kernel", None, "ok", "6.1", None));
        assert_eq!(report["findings"][1], line("lro", Some("m0"), "warning", "on", Some("off")));
    }
}
