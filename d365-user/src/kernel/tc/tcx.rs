//! The tcx programs at an interface's ingress, of every owner.

use aya::programs::{ProgramError, ProgramInfo, SchedClassifier, TcAttachType};
use nix::libc::{EINVAL, EOPNOTSUPP};

/// The tcx programs at an interface's ingress, in order, each with its id and name; `None` if the kernel has
/// no tcx.
pub(in crate::kernel) fn tcx(interface: &str) -> Result<Option<Vec<(u32, String)>>, ProgramError> {
    match SchedClassifier::query_tcx(interface, TcAttachType::Ingress) {
        Err(ProgramError::SyscallError(error))
            if matches!(error.io_error.raw_os_error(), Some(EINVAL | EOPNOTSUPP)) =>
        {
            Ok(None)
        }
        answer => {
            let name = |info: &ProgramInfo| String::from_utf8_lossy(info.name()).into_owned();
            Ok(Some(answer?.1.iter().map(|info| (info.id(), name(info))).collect()))
        }
    }
}
