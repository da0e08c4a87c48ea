//! The BPF programs at an interface's ingress behind XDP: tcx (Linux 6.6) and the filters of a clsact or ingress qdisc.

use aya::programs::{ProgramError, SchedClassifier, TcAttachType};
use nix::libc::{EINVAL, EOPNOTSUPP};

use super::{
    Fact, Program,
    programs::{Loaded, name},
};
use crate::kernel::tc;

/// The tcx programs at ingress, in their order; `None` where the kernel has no tcx.
pub(super) fn tcx(interface: &str) -> Fact<Option<Vec<Program>>> {
    let programs = match SchedClassifier::query_tcx(interface, TcAttachType::Ingress) {
        Err(ProgramError::SyscallError(error))
            if matches!(error.io_error.raw_os_error(), Some(EINVAL | EOPNOTSUPP)) =>
        {
            return Ok(None);
        }
        answer => answer?.1,
    };
    let program = |(id, name)| Program { id: Some(id), name: Ok(name), holders: None };
    Ok(Some(programs.iter().map(|info| program(name(info))).collect()))
}

/// The BPF filters at ingress, in their order.
pub(super) fn clsact(index: u32, loaded: &Loaded) -> Fact<Vec<Program>> {
    let filters = tc::filters(index)?;
    Ok(filters.into_iter().map(|filter| program(filter.program, filter.name, loaded)).collect())
}

/// A filter's program. Whoever attached it wrote a name beside it, which all may read.
fn program(id: Option<u32>, annotation: Option<String>, loaded: &Loaded) -> Program {
    let Some(id) = id else {
        return Program { id: None, name: Ok(annotation.unwrap_or_default()), holders: None };
    };
    let program = loaded.program(id);
    let name =
        program.name.clone().or_else(|unknown| annotation.filter(|name| !name.is_empty()).ok_or(unknown));
    Program { name, ..program }
}
