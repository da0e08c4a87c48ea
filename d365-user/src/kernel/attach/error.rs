//! Errors of attaching the program. [`super`] decides; this module only describes.

use std::io;

use aya::{maps::MapError, programs::ProgramError};

use crate::{
    kernel::{
        error::error_chain, generic::Objection, interface::InterfaceError, requirements::RequirementError,
        tc::TaggerError,
    },
    snapshot::Mode,
};

/// The program cannot be attached to the interface.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum AttachError {
    /// The interface cannot be used.
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    /// A capability is missing, or `/proc` cannot be read.
    #[error(transparent)]
    Requirement(#[from] RequirementError),
    /// The interface has another XDP program.
    #[error(
        "interface {interface} already has an XDP program: {name} (id {id}, {}); it is left as it is. Stop \
         its owner, or detach it: `ip link set dev {interface} {} off`; if that answers that a BPF link \
         holds it, only its owner can: `bpftool link`",
        mode.as_str(), ip_keyword(*mode)
    )]
    Busy { interface: String, name: String, id: u32, mode: Mode },
    /// A device above the interface has an XDP program.
    #[error(
        "interface {interface} lies below {upper}, which has an XDP program: {name} (id {id}, {}); the kernel takes none \
         below it. Watch {upper} alone, or both in one d365-user (--iface {upper},{interface}), or detach that program: \
         `ip link set dev {upper} {} off`",
        mode.as_str(), ip_keyword(*mode)
    )]
    BusyAbove { interface: String, upper: String, name: String, id: u32, mode: Mode },
    /// The kernel or the driver refused the program.
    #[error("cannot attach to {interface} in {mode} mode: {}", refusal(.source, .mode))]
    Refused { interface: String, mode: &'static str, source: io::Error },
    /// Generic mode is possible, and the daemon does not use it.
    #[error(
        "cannot attach to {interface} in generic mode{}: {objection}",
        native.as_ref().map(|reason| format!(" (native mode was refused: {reason})")).unwrap_or_default()
    )]
    Generic {
        interface: String,
        /// The reason why native mode was refused, if it was tried.
        native: Option<String>,
        /// The reason why generic mode is not used.
        objection: Objection,
    },
    /// The daemon cannot find out if generic mode may be used.
    #[error(
        "cannot list what else is at the ingress of {interface}, which generic mode depends on: {source}"
    )]
    Ingress { interface: String, source: io::Error },
    /// The counters' row cannot be given to the interface.
    #[error("cannot write the index of {interface} into map .data: {}", error_chain(.source))]
    Row { interface: String, source: MapError },
    /// The tc program cannot be attached.
    #[error(transparent)]
    Tagger(#[from] TaggerError),
    /// The program's own state is not as expected.
    #[error("cannot attach to {interface}: {}", error_chain(.source))]
    Program { interface: String, source: ProgramError },
}

/// Explains the kernel's refusal and gives the next step.
fn refusal(source: &io::Error, mode: &str) -> String {
    if source.raw_os_error() == Some(nix::libc::EEXIST) {
        return "a device above it has an XDP program, and is not in this network namespace: it may be a container's \
                macvlan or VLAN device; detach that program first"
            .to_owned();
    }
    let advice = if mode == Mode::Native.as_str() {
        "; the driver or its settings (MTU, LRO, queues) do not allow native XDP: use --mode auto or generic"
    } else {
        ""
    };
    format!("{source}{advice}")
}

/// The keyword of `ip link set` for the mode.
fn ip_keyword(mode: Mode) -> &'static str {
    match mode {
        Mode::Native => "xdp",
        Mode::Generic => "xdpgeneric",
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
        assert!(busy(Mode::Native).contains("other (id 7, native)"));
        assert!(busy(Mode::Native).contains("`ip link set dev m1 xdp off`"));
        assert!(busy(Mode::Generic).contains("`ip link set dev m1 xdpgeneric off`"));
    }
}
