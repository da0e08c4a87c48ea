//! The check of generic mode: if the daemon would use it when native mode is refused, and its effect on
//! others.

use super::{
    super::finding::{Check, Finding, Level},
    native::runs_natively,
};
use crate::{
    kernel::survey::{InterfaceFacts, Unknown},
    snapshot::Mode,
};

/// Judges generic mode. `native` is the level of the finding about native mode.
pub(super) fn judge(facts: &InterfaceFacts, native: Level) -> Finding {
    let check = Check::Generic;
    let surroundings = match &facts.generic {
        Ok(surroundings) if surroundings.has_unreadable => {
            let why = "to read what tcx programs there are takes CAP_SYS_ADMIN".to_owned();
            return Finding::unknown(check, &Unknown::Refused(why));
        }
        Ok(surroundings) => surroundings,
        Err(unknown) => return Finding::unknown(check, unknown),
    };
    let Some(objection) = surroundings.objection(false) else {
        return Finding::ok(check, "possible together with what is here");
    };
    let (reason, advice) = (objection.reason(), objection.advice());
    let is_generic =
        matches!(&facts.xdp, Ok(Some((xdp, program))) if xdp.mode == Mode::Generic && program.is_ours());
    let has_no_native =
        matches!(&facts.features, Ok(Some(features)) if !features.has_native()) && !runs_natively(facts);
    if is_generic {
        Finding::warning(check, format!("a d365-user runs in generic mode: {reason}"), advice)
    } else if native == Level::Ok {
        Finding::ok(check, format!("not used by --mode auto, which takes native mode: {reason}"))
    } else if has_no_native {
        Finding::error(
            check,
            format!("--mode auto refuses it, and there is no native mode: {reason}"),
            advice,
        )
    } else {
        Finding::warning(
            check,
            format!("--mode auto refuses it should native mode be refused: {reason}"),
            advice,
        )
    }
}
