//! Why the program is not on an interface, or must not stay there. It must not decide that: [`super`] does.

use std::io;

use aya::programs::ProgramError;

use crate::{
    kernel::{
        chain, generic::Objection, interface::InterfaceError, links::DetachReason,
        requirements::RequirementError,
    },
    snapshot::Mode,
};

/// Why the program is not on the interface.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// The interface cannot be used.
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    /// A capability is missing.
    #[error(transparent)]
    Requirement(#[from] RequirementError),
    /// There is another XDP program.
    #[error(
        "interface {interface} already has an XDP program: {name} (id {id}, {}); it is left as it is. Stop \
         who attached it, or detach it: `ip link set dev {interface} {} off`; if that answers that a BPF link \
         holds it, only its owner can: `bpftool link`",
        mode.as_str(), ip_keyword(*mode)
    )]
    Busy {
        /// The interface.
        interface: String,
        /// The program's name.
        name: String,
        /// Its id.
        id: u32,
        /// Its mode.
        mode: Mode,
    },
    /// There is an XDP program on a device above it.
    #[error(
        "interface {interface} lies below {upper}, which has an XDP program: {name} (id {id}, {}); the kernel takes none \
         below it. Watch {upper} alone, or both in one d365-user (--iface {upper},{interface}), or detach that program: \
         `ip link set dev {upper} {} off`",
        mode.as_str(), ip_keyword(*mode)
    )]
    BusyAbove {
        /// The interface.
        interface: String,
        /// The device above it.
        upper: String,
        /// The program's name.
        name: String,
        /// Its id.
        id: u32,
        /// Its mode.
        mode: Mode,
    },
    /// The kernel or the driver refused.
    #[error("cannot attach to {interface} in {mode} mode: {}", refusal(.source, .mode))]
    Refused {
        /// The interface.
        interface: String,
        /// The mode.
        mode: &'static str,
        /// What it said.
        source: io::Error,
    },
    /// Generic mode is left, which would be possible.
    #[error(
        "cannot attach to {interface} in generic mode{}: {objection}",
        native.as_ref().map(|reason| format!(" (native mode was refused: {reason})")).unwrap_or_default()
    )]
    Generic {
        /// The interface.
        interface: String,
        /// Why native mode was refused, if it was tried.
        native: Option<String>,
        /// Why not.
        objection: Objection,
    },
    /// It is not known whether generic mode may be used.
    #[error(
        "cannot list what else is at the ingress of {interface}, which generic mode depends on: {source}"
    )]
    Ingress {
        /// The interface.
        interface: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The program's own state is not what it should be.
    #[error("cannot attach to {interface}: {}", chain(.source))]
    Program {
        /// The interface.
        interface: String,
        /// What aya said.
        source: ProgramError,
    },
}

/// Why a program that is attached must not stay.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// The interface has changed.
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    /// What is around it has.
    #[error("{0}")]
    Generic(Objection),
}

impl Unfit {
    /// The same in short.
    #[must_use]
    pub const fn reason(&self) -> DetachReason {
        match self {
            Self::Interface(_) => DetachReason::NoFrames,
            Self::Generic(_) => DetachReason::SeenTwice,
        }
    }
}

impl From<Objection> for Unfit {
    fn from(objection: Objection) -> Self {
        Self::Generic(objection)
    }
}

/// What the kernel's refusal means, and what to do.
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

/// What `ip link set` calls the mode.
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
