//! Attaches the program to interfaces.
//!
//! It never replaces another program, and it says what it got: native or generic, held by a BPF link or
//! by a netlink request (which aya falls back to on EINVAL, without saying so).

use std::io;

use aya::programs::{ProgramError, XdpError, XdpMode, loaded_programs};

use super::{
    interface::{Interface, InterfaceError, Xdp},
    load::Kernel,
    requirements::{self, RequirementError},
};
use crate::{
    config::ModePolicy,
    snapshot::{Attachment, LinkKind, Mode},
};

/// A program on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The interface.
    pub interface: Interface,
    /// How it is attached.
    pub attachment: Attachment,
    /// Why it is not native, when `auto` had to fall back.
    pub fallback: Option<String>,
    /// Our program's id.
    program: u32,
}

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
        "interface {interface} already has an XDP program: {name} (id {id}, {mode}); it is left as it is. \
         Detach it first (`ip link set dev {interface} xdp off`, or stop who attached it)"
    )]
    Busy {
        /// The interface.
        interface: String,
        /// The program's name.
        name: String,
        /// Its id.
        id: u32,
        /// Its mode.
        mode: &'static str,
    },
    /// The kernel or the driver refused.
    #[error("cannot attach to {interface} in {mode} mode: {source}{}", advice(.mode))]
    Refused {
        /// The interface.
        interface: String,
        /// The mode.
        mode: &'static str,
        /// What it said.
        source: io::Error,
    },
    /// The program's own state is not what it should be.
    #[error("cannot attach to {interface}: {source}")]
    Program {
        /// The interface.
        interface: String,
        /// What aya said.
        source: ProgramError,
    },
}

impl Attached {
    /// How the program is attached now, as the kernel tells: `None` when the interface has gone or bears
    /// another program.
    #[must_use]
    pub fn now(&self) -> Option<Attachment> {
        let xdp = self.interface.xdp().ok().flatten()?;
        (xdp.program == self.program).then_some(Attachment { mode: xdp.mode, ..self.attachment })
    }
}

impl Kernel {
    /// Fails when `interface` bears an XDP program already.
    ///
    /// # Errors
    /// [`AttachError::Busy`] names it; [`AttachError::Interface`] when the interface cannot be asked.
    pub fn require_free(interface: &Interface) -> Result<(), AttachError> {
        match interface.xdp()? {
            None => Ok(()),
            Some(xdp) => Err(busy(interface, xdp)),
        }
    }

    /// Attaches the program to `interface`.
    ///
    /// # Errors
    /// [`AttachError`]; the interface is then as it was.
    pub fn attach(&mut self, interface: &Interface, policy: ModePolicy) -> Result<Attached, AttachError> {
        let (mode, fallback) = match policy {
            ModePolicy::Native => (Mode::Native, None),
            ModePolicy::Generic => (Mode::Generic, None),
            ModePolicy::Auto => match self.attach_as(interface, Mode::Native) {
                Ok(attached) => return Ok(attached),
                Err(AttachError::Refused { source, .. }) => (Mode::Generic, Some(source.to_string())),
                Err(error) => return Err(error),
            },
        };
        let attached = self.attach_as(interface, mode)?;
        Ok(Attached { fallback, ..attached })
    }

    fn attach_as(&mut self, interface: &Interface, mode: Mode) -> Result<Attached, AttachError> {
        Self::require_free(interface)?;
        let aya_mode = match mode {
            Mode::Native => XdpMode::Driver,
            Mode::Generic => XdpMode::Skb,
        };
        let failed = |source| AttachError::Program { interface: interface.name.clone(), source };
        let program = self.program_id().map_err(failed)?;
        let xdp = self.xdp().map_err(failed)?;
        xdp.attach_to_if_index(interface.index, aya_mode).map_err(|error| explain(interface, mode, error))?;
        let link = if holds_link(program, interface.index) { LinkKind::BpfLink } else { LinkKind::Netlink };
        let attachment = Attachment { mode, link };
        Ok(Attached { interface: interface.clone(), attachment, fallback: None, program })
    }
}

/// Says what an attachment's error means.
fn explain(interface: &Interface, mode: Mode, error: ProgramError) -> AttachError {
    let source = match error {
        ProgramError::SyscallError(error) => error.io_error,
        ProgramError::XdpError(XdpError::NetlinkError(error)) => match error.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::other(error),
        },
        source => return AttachError::Program { interface: interface.name.clone(), source },
    };
    let code = source.raw_os_error();
    if code == Some(nix::libc::ENODEV) {
        return InterfaceError::NotFound { name: interface.name.clone() }.into();
    }
    if code == Some(nix::libc::EPERM)
        && let Err(missing) = requirements::check()
    {
        return missing.into();
    }
    if matches!(code, Some(nix::libc::EBUSY | nix::libc::EEXIST))
        && let Ok(Some(xdp)) = interface.xdp()
    {
        return busy(interface, xdp);
    }
    AttachError::Refused { interface: interface.name.clone(), mode: mode.as_str(), source }
}

fn advice(mode: &str) -> &'static str {
    if mode == Mode::Native.as_str() {
        "; the driver or its settings (MTU, LRO, queues) do not allow native XDP: use --mode auto or generic"
    } else {
        ""
    }
}

fn busy(interface: &Interface, xdp: Xdp) -> AttachError {
    let name = loaded_programs()
        .filter_map(Result::ok)
        .find(|program| program.id() == xdp.program)
        .and_then(|program| program.name_as_str().map(ToOwned::to_owned))
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "without a name".to_owned());
    AttachError::Busy { interface: interface.name.clone(), name, id: xdp.program, mode: xdp.mode.as_str() }
}

/// Whether this process holds a BPF link of `program` on the interface, by what the kernel tells of its
/// file descriptors (`bpf_link_show_fdinfo`, kernel 5.9; it needs no capability).
fn holds_link(program: u32, ifindex: u32) -> bool {
    let Ok(entries) = std::fs::read_dir("/proc/self/fdinfo") else { return false };
    let texts = entries.filter_map(|entry| std::fs::read_to_string(entry.ok()?.path()).ok());
    let field = |text: &str, name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u32>().ok())
    };
    texts
        .filter(|text| text.contains("link_type:"))
        .any(|text| field(&text, "prog_id:") == Some(program) && field(&text, "ifindex:") == Some(ifindex))
}
