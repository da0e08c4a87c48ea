//! Errors of attaching the program. [`super`] decides; this module only describes.

use std::io;

use aya::{maps::MapError, programs::ProgramError};
use nix::libc::{EEXIST, ENODEV, ENOMEM, ENXIO};

use crate::{
    kernel::{
        error::{LoadError, MapIndexError, error_chain, is_passing},
        interface::InterfaceError,
        objection::Objection,
        requirements::RequirementError,
        tc::TcError,
    },
    snapshot::XdpMode,
};

/// The program cannot be attached to the interface.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what variants and fields are")]
pub enum AttachError {
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    #[error(transparent)]
    Requirement(#[from] RequirementError),
    #[error(
        "interface {interface} already has an XDP program: {name} (id {id}, {}); it is left as it is. Stop \
         its owner, or detach it: `ip link set dev {interface} {} off`; if that answers that a BPF link \
         holds it, only its owner can: `bpftool link`",
        mode.as_str(), ip_keyword(*mode)
    )]
    Busy { interface: String, name: String, id: u32, mode: XdpMode },
    #[error(
        "interface {interface} lies below {upper}, which has an XDP program: {name} (id {id}, {}); the kernel takes none \
         below it. Watch {upper} alone, or both in one d365-user (--iface {upper},{interface}), or detach that program: \
         `ip link set dev {upper} {} off`",
        mode.as_str(), ip_keyword(*mode)
    )]
    BusyAbove { interface: String, upper: String, name: String, id: u32, mode: XdpMode },
    #[error("cannot attach to {interface} in {} mode: {}", mode.as_str(), refusal(.source, *mode))]
    Refused { interface: String, mode: XdpMode, source: io::Error },
    #[error("cannot attach to {interface} in {} mode: {objection}", mode.as_str())]
    Unfit { interface: String, mode: XdpMode, objection: Objection },
    #[error("cannot list what else is at the ingress of {interface}: {source}")]
    Ingress { interface: String, source: io::Error },
    #[error("cannot write the index of {interface} into map .data: {}", error_chain(.source))]
    Row { interface: String, source: MapError },
    #[error("cannot record the row of {interface} in the kernel: {source}; it is tried again")]
    RowName { interface: String, source: Box<MapIndexError> },
    #[error(transparent)]
    Load(Box<LoadError>),
    #[error(transparent)]
    Tc(Box<TcError>),
    #[error("cannot attach to {interface}: {}", error_chain(.source))]
    Program { interface: String, source: ProgramError },
}

impl AttachError {
    /// If this is a refusal of native XDP, a tc program may take its place. Returns the reason of the
    /// refusal, which is `None` where XDP is never possible.
    ///
    /// # Errors
    /// This error, if it is another one. After a lack of descriptors, for example, native mode may succeed
    /// later.
    pub(super) fn refusal_of_xdp(self) -> Result<Option<String>, Self> {
        match self {
            Self::Busy { name, id, mode, .. } => {
                Ok(Some(format!("there is an XDP program: {name} (id {id}, {})", mode.as_str())))
            }
            Self::BusyAbove { upper, name, id, mode, .. } => {
                let mode = mode.as_str();
                Ok(Some(format!(
                    "{upper}, which lies above it, has an XDP program: {name} (id {id}, {mode})"
                )))
            }
            Self::Refused { source, .. } if is_refusal(&source) => Ok(Some(reason(&source))),
            Self::Unfit { objection, .. } => Ok(Some(objection.reason)),
            Self::Interface(InterfaceError::Unfit(_)) => Ok(None),
            error => Err(error),
        }
    }
}

impl From<TcError> for AttachError {
    fn from(error: TcError) -> Self {
        match error {
            TcError::Link { interface: name, source, .. } | TcError::Filters { interface: name, source }
                if matches!(source.raw_os_error(), Some(ENODEV | ENXIO)) =>
            {
                InterfaceError::NotFound { name }.into()
            }
            TcError::Load(error) => Self::Load(error.into()),
            error => Self::Tc(error.into()),
        }
    }
}

/// Explains the kernel's refusal and gives the next step.
fn refusal(source: &io::Error, mode: XdpMode) -> String {
    let advice = match mode {
        _ if source.raw_os_error() == Some(EEXIST) => "detach that program first, or use --mode tc",
        _ if !is_refusal(source) => "try again",
        XdpMode::Native => {
            "the driver or its settings (MTU, LRO, queues) do not allow native XDP: use --mode auto or tc"
        }
        XdpMode::Generic => "use --mode tc",
    };
    format!("{}; {advice}", reason(source))
}

/// Returns true if the interface itself refuses the program. ENOMEM counts as a refusal: some drivers return
/// it for good if they have too few queues (docs/drivers.md).
fn is_refusal(source: &io::Error) -> bool {
    !is_passing(source) || source.raw_os_error() == Some(ENOMEM)
}

fn reason(source: &io::Error) -> String {
    if source.raw_os_error() == Some(EEXIST) {
        return "a device above it has an XDP program, and is not in this network namespace: it may be a container's \
                macvlan or VLAN device"
            .to_owned();
    }
    source.to_string()
}

/// The keyword of `ip link set` for the mode.
fn ip_keyword(mode: XdpMode) -> &'static str {
    match mode {
        XdpMode::Native => "xdp",
        XdpMode::Generic => "xdpgeneric",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_fits_the_mode() {
        let busy = |mode| {
            let (interface, name) = ("m1".to_owned(), "other".to_owned());
            AttachError::Busy { interface, name, id: 7, mode }.to_string()
        };
        assert!(busy(XdpMode::Native).contains("other (id 7, native)"));
        assert!(busy(XdpMode::Native).contains("`ip link set dev m1 xdp off`"));
        assert!(busy(XdpMode::Generic).contains("`ip link set dev m1 xdpgeneric off`"));
    }
}
