//! The programs and filters that run after XDP at an interface's ingress: tcx programs (Linux 6.6) and the
//! filters of a clsact or ingress qdisc.

use super::{
    fact::{Fact, Unknown},
    programs::{Loaded, Program},
};
use crate::kernel::tc;

/// A filter of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Its kind, as `tc` names it: `bpf`, `u32`.
    pub kind: String,
    /// Filters with a lower number run earlier.
    pub priority: u16,
    /// The program of a BPF filter; `None` for every other kind.
    pub program: Option<Program>,
}

/// The tcx programs at ingress, in order; `None` if the kernel has no tcx.
pub(super) fn tcx(interface: &str) -> Fact<Option<Vec<Program>>> {
    let program = |(id, name)| Program { id: Some(id), name: Ok(name), holders: None };
    let programs = tc::tcx(interface).map_err(Unknown::from)?;
    Ok(programs.map(|programs| programs.into_iter().map(program).collect()))
}

/// The filters at ingress, in order. Filters of the same kind and priority that have no program are listed
/// once.
pub(super) fn clsact(index: u32, loaded: &Loaded) -> Fact<Vec<Filter>> {
    let mut filters: Vec<_> =
        tc::filters(index)?.into_iter().map(|filter| describe(filter, loaded)).collect();
    filters.dedup_by(|later, earlier| later == earlier && later.program.is_none());
    Ok(filters)
}

fn describe(filter: tc::Filter, loaded: &Loaded) -> Filter {
    let is_bpf = filter.kind == "bpf";
    let program = is_bpf.then(|| program(filter.program, filter.name, loaded));
    Filter { kind: filter.kind, priority: filter.priority, program }
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
