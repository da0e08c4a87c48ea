//! The check of generic mode: if the daemon would use it when native mode is refused, and its effect on
//! others.

use super::{
    super::finding::{Judged, Level, error, ok, warning},
    native::runs_natively,
};
use crate::{
    kernel::{Objection, survey::InterfaceFacts},
    snapshot::Mode,
};

/// Judges generic mode. `native` is the judgement of native mode.
pub(super) fn judge<'a>(facts: &'a InterfaceFacts, native: &Judged<'_>) -> Judged<'a> {
    let surroundings = facts.generic.as_ref()?;
    if surroundings.has_unreadable {
        let found = "not known: not allowed to ask: to read what tcx programs there are takes CAP_SYS_ADMIN";
        return warning(found, "run doctor as root");
    }
    let Some(Objection { reason, advice }) = surroundings.objection(false) else {
        return ok("possible together with what is here");
    };
    let is_generic =
        matches!(&facts.xdp, Ok(Some((xdp, program))) if xdp.mode == Mode::Generic && program.is_ours());
    let has_no_native =
        matches!(&facts.features, Ok(Some(features)) if !features.has_native()) && !runs_natively(facts);
    if is_generic {
        warning(format!("a d365-user runs in generic mode: {reason}"), advice)
    } else if matches!(native, Ok(native) if native.level == Level::Ok) {
        ok(format!("not used by --mode auto, which takes native mode: {reason}"))
    } else if has_no_native {
        error(format!("--mode auto refuses it, and there is no native mode: {reason}"), advice)
    } else {
        warning(format!("--mode auto refuses it should native mode be refused: {reason}"), advice)
    }
}
