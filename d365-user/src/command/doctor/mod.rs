//! `doctor`: checks what the daemon needs and reports its findings, one line each. It changes nothing and
//! attaches nothing.
//!
//! [`facts`] and the kernel's survey collect facts, [`judge`] turns facts into findings, [`table`] and
//! [`json`] show them.

use super::{error::CommandError, output::show};
use crate::{cli, exit::Exit};

mod facts;
mod finding;
mod json;
mod judge;
mod table;

use finding::{Level, worst};

/// Collects facts, judges them, and shows the findings.
pub(super) fn run(flags: &cli::Doctor) -> Result<Exit, CommandError> {
    let findings = judge::all(&facts::gather(flags));
    // An operator who names interfaces wants to know all about them.
    let is_brief = flags.iface.is_empty();
    show(&if flags.json { json::render(&findings)? } else { table::render(&findings, is_brief) })?;
    Ok(exit(worst(&findings)))
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
        finding::{Check, Finding, Level},
        *,
    };

    #[test]
    fn the_worst_finding_is_the_exit_code() {
        let ok = || Finding::ok(Check::Kernel, "6.1");
        let warning = || Finding::warning(Check::Btf, "none", "look");
        let error = || Finding::error(Check::Clock, "1970", "set it");
        let code = |findings: &[Finding]| exit(worst(findings)).code();
        assert_eq!(code(&[ok()]), 0);
        assert_eq!(code(&[ok(), warning(), ok()]), 1);
        assert_eq!(code(&[error(), warning(), ok()]), 2);
        assert!(Level::Ok < Level::Warning && Level::Warning < Level::Error);
    }
}
