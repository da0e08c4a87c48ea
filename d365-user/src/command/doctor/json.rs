//! The findings as JSON, for programs. Pure.

use serde::Serialize;

use super::finding::{Finding, Level, worst};
use crate::command::{error::CommandError, output::json};

#[derive(Serialize)]
struct Report<'a> {
    /// The worst level of all findings.
    level: Level,
    findings: &'a [Finding],
}

pub(super) fn render(findings: &[Finding]) -> Result<String, CommandError> {
    json(&Report { level: worst(findings), findings })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::doctor::finding::Check;

    #[test]
    fn everything_is_in_it() {
        let findings =
            [Finding::ok(Check::Kernel, "6.1"), Finding::warning(Check::Lro, "on", "off").on("m0")];
        let report: serde_json::Value = serde_json::from_str(&render(&findings).unwrap()).unwrap();
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
