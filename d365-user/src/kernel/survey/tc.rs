//! The programs and filters that run after XDP at an interface's ingress: tcx programs (Linux 6.6) and the
//! filters of a clsact or ingress qdisc.

use super::{
    fact::{Fact, Unknown},
    programs::{Loaded, Program},
};
use crate::kernel::tc;

/// The tcx programs at ingress, in order; `None` if the kernel has no tcx.
pub(super) fn tcx(interface: &str, loaded: &Loaded) -> Fact<Option<Vec<Program>>> {
    let programs = tc::tcx(interface).map_err(Unknown::from)?;
    Ok(programs.map(|programs| programs.into_iter().map(|(id, name)| loaded.named(id, Ok(name))).collect()))
}

/// The filters at ingress, in order: each with its description, and its program if it is a BPF filter.
/// Filters of the same kind and priority that have no program are listed once.
pub(super) fn clsact(index: u32, loaded: &Loaded) -> Fact<Vec<(String, Option<Program>)>> {
    let filters = tc::filters(index)?.into_iter().map(|filter| {
        let description = filter.to_string();
        let is_bpf = filter.kind == "bpf";
        (description, is_bpf.then(|| program(filter.program, filter.name, loaded)))
    });
    let mut filters: Vec<_> = filters.collect();
    filters.dedup_by(|later, earlier| later == earlier && later.1.is_none());
    Ok(filters)
}

/// A filter's program. `annotation` is the name that was given when the filter was attached; every process
/// may read it.
fn program(id: Option<u32>, annotation: Option<String>, loaded: &Loaded) -> Program {
    let Some(id) = id else {
        return Program { id: None, name: Ok(annotation.unwrap_or_default()), holders: None };
    };
    let program = loaded.program(id);
    let name =
        program.name.clone().or_else(|unknown| annotation.filter(|name| !name.is_empty()).ok_or(unknown));
    Program { name, ..program }
}
