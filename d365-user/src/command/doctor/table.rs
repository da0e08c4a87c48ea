//! The findings for people, a line each. Pure.

use super::finding::{Check, Finding, Judgement, Level};
use crate::command::text::{aligned, counted, plain};

/// The checks that are shown of an interface that has no problem and that the operator did not name.
const BRIEF: [Check; 3] = [Check::Driver, Check::Mtu, Check::Native];

pub(super) fn render(findings: &[Finding], is_brief: bool) -> String {
    let is_shown = |finding: &&Finding| {
        !is_brief
            || finding.interface.is_none()
            || finding.judgement.level != Level::Ok
            || BRIEF.contains(&finding.check)
    };
    let rows: Vec<Vec<String>> = findings.iter().filter(is_shown).map(row).collect();
    let count = |level| findings.iter().filter(|finding| finding.judgement.level == level).count();
    let (warnings, errors) = (count(Level::Warning), count(Level::Error));
    let (warnings, errors) = (counted(warnings, "warning"), counted(errors, "error"));
    format!("{}\n{} ok, {warnings}, {errors}.\n", aligned(&rows), count(Level::Ok))
}

fn row(finding: &Finding) -> Vec<String> {
    let Finding { check, interface, judgement: Judgement { level, found, advice } } = finding;
    let advice = advice.as_ref().map(|advice| format!("; {}", plain(advice))).unwrap_or_default();
    let interface = interface.as_deref().map(plain).unwrap_or_default();
    vec![level.to_string(), interface, check.to_string(), format!("{}{advice}", plain(found))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::doctor::finding::{ok, warning};

    #[test]
    fn a_line_says_what_and_what_to_do() {
        let of_machine = Finding::all([(Check::Kernel, ok("6.1"))]);
        let of_interface = Finding::all([
            (Check::Native, ok("possible")),
            (Check::Gro, ok("on")),
            (Check::Lro, warning("on", "switch it\u{1b}[2J off")),
        ]);
        let of_interface = of_interface.into_iter().map(|finding| finding.on("m0"));
        let findings: Vec<_> = of_machine.into_iter().chain(of_interface).collect();
        let text = render(&findings, false);
        assert_eq!(
            text,
            "ok           kernel  6.1\n\
             ok       m0  native  possible\n\
             ok       m0  gro     on\n\
             warning  m0  lro     on; switch it\\u{1b}[2J off\n\
             \n3 ok, 1 warning, 0 errors.\n"
        );
        let brief = render(&findings, true);
        assert_eq!(brief, text.replace("ok       m0  gro     on\n", ""));
    }
}
