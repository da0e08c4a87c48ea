//! The check of generic mode: if the daemon would use it, and its effect on others. Only `--mode generic`
//! uses it.

use super::{
    super::finding::{Judged, ok, warning},
    native::has_bare_packets,
};
use crate::{
    kernel::{Objection, survey::InterfaceFacts},
    snapshot::XdpMode,
};

pub(super) fn judge(facts: &InterfaceFacts) -> Judged<'_> {
    if has_bare_packets(facts) {
        return ok("not possible, as its packets begin with the IP header");
    }
    let surroundings = facts.generic.as_ref()?;
    if surroundings.has_unreadable {
        let found = "not known: not allowed to ask: to read what tcx programs there are takes CAP_SYS_ADMIN";
        return warning(found, "run doctor as root");
    }
    let (word, harm, advice) = match (surroundings.objection(), surroundings.hidden_from()) {
        (Some(Objection { reason, advice }), _) => ("refuses it", reason, advice),
        (None, hidden_from) if hidden_from.is_empty() => return ok("possible together with what is here"),
        (None, hidden_from) => {
            let harm = format!(
                "on this kernel it hides the Ethernet header from tc, and these would read packets at a wrong offset \
                 or send them on without it: {}",
                hidden_from.join(", ")
            );
            ("warns", harm, "use --mode native or tc, or remove them")
        }
    };
    match &facts.xdp {
        Ok(Some((xdp, program))) if xdp.mode == XdpMode::Generic && program.is_ours() => {
            warning(format!("a d365-user runs in generic mode: {harm}"), advice)
        }
        _ => ok(format!("--mode generic {word}: {harm}")),
    }
}
