//! Attaches the program to interfaces.
//!
//! It never replaces another program, and it reports the result: native or generic mode, held by a BPF link
//! or by a netlink request. aya falls back to a netlink request on EINVAL without reporting it.

mod error;

use std::io;

use aya::programs::{ProgramError, XdpError, XdpMode, loaded_programs};
use procfs::ProcError;

pub use self::error::{AttachError, Unfit};
use super::{
    fdinfo,
    generic::Surroundings,
    interface::{Interface, InterfaceError, Xdp},
    links::Link,
    object::Kernel,
    requirements::{self, RequirementError},
    stack::Stack,
};
use crate::{
    settings::ModePolicy,
    snapshot::{Attachment, LinkKind, Mode},
};

/// A program on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The interface.
    pub interface: Interface,
    /// The mode and the kind of link.
    pub attachment: Attachment,
    /// The reason why it is not native, if `auto` fell back to generic mode.
    pub fallback: Option<String>,
    /// The filters and programs at its ingress that no longer see Ethernet headers.
    pub hidden_from: Vec<String>,
    /// The kernel's own name for the interface when it was attached.
    kernel_name: String,
    program: u32,
}

/// An attachment as the kernel shows it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// The kernel's own name for the interface.
    pub name: String,
    /// The current attachment; `None` if the interface has no program or another one.
    pub attachment: Option<Attachment>,
}

impl Attached {
    /// Returns the current attachment, as the kernel reports it; `None` if the interface no longer exists or
    /// has another program. If the kernel cannot be queried, for lack of a descriptor or of memory, returns
    /// the attachment as it was.
    #[must_use]
    pub fn now(&self) -> Option<Attachment> {
        match self.look() {
            Err(InterfaceError::Netlink { .. }) => Some(self.attachment),
            look => look.ok()?.attachment,
        }
    }

    /// Reads the current attachment from the kernel.
    ///
    /// # Errors
    /// Same as [`Interface::state`].
    pub fn look(&self) -> Result<Look, InterfaceError> {
        let state = self.interface.state()?;
        let ours = state.xdp.filter(|xdp| xdp.program == self.program);
        let attachment = ours.map(|xdp| Attachment { mode: xdp.mode, ..self.attachment });
        Ok(Look { name: state.name, attachment })
    }

    /// Returns true if the interface was searched for by the kernel's own name, not by an alternative name.
    #[must_use]
    pub fn is_by_own_name(&self) -> bool {
        self.kernel_name == self.interface.name
    }

    /// Checks the surroundings of the program. Returns the reason why it must not stay on its interface, if
    /// there is one. Also returns the filters and tc programs that were added after it was attached and
    /// cannot read an Ethernet header. If the kernel cannot be queried, the caller learns of changes at the
    /// next check.
    #[must_use]
    pub fn around(&self) -> (Option<Unfit>, Vec<String>) {
        match self.interface.require_frames() {
            Err(error @ (InterfaceError::NoEthernetHeader { .. } | InterfaceError::Ifb { .. })) => {
                return (Some(error.into()), Vec::new());
            }
            Ok(()) if self.attachment.mode == Mode::Generic => {}
            _ => return (None, Vec::new()),
        }
        let Ok(surroundings) = Surroundings::look(&self.interface) else { return (None, Vec::new()) };
        // If marks are enabled, our own tcx program is among those that this process may not read.
        let surroundings = Surroundings { has_unreadable: false, ..surroundings };
        let mut hidden_from = surroundings.hidden_from();
        hidden_from.retain(|name| !self.hidden_from.contains(name));
        (surroundings.objection(true).map(Unfit::from), hidden_from)
    }
}

impl Kernel {
    /// Fails if `interface` already has an XDP program.
    ///
    /// # Errors
    /// [`AttachError::Busy`] names the program; [`AttachError::Interface`] if the interface cannot be
    /// queried.
    pub fn require_free(interface: &Interface) -> Result<(), AttachError> {
        match interface.xdp()? {
            None => Ok(()),
            Some(xdp) => Err(busy(interface, xdp)),
        }
    }

    /// Fails if a device directly above `interface` has an XDP program: the kernel then accepts none on
    /// `interface`.
    ///
    /// # Errors
    /// [`AttachError::BusyAbove`] names the device and the program.
    pub fn require_free_above(interface: &Interface, stack: &Stack) -> Result<(), AttachError> {
        match stack.program_above(interface.index) {
            None => Ok(()),
            Some((upper, xdp)) => Err(busy_above(interface, upper, xdp)),
        }
    }

    /// Attaches the program to `interface`.
    ///
    /// # Errors
    /// [`AttachError`]; the interface is then unchanged.
    pub fn attach(&mut self, interface: &Interface, policy: ModePolicy) -> Result<Attached, AttachError> {
        interface.require_frames()?;
        let fallback = match policy {
            ModePolicy::Native => return self.attach_as(interface, Mode::Native),
            ModePolicy::Generic => None,
            ModePolicy::Auto => match self.attach_as(interface, Mode::Native) {
                Ok(attached) => return Ok(attached),
                Err(AttachError::Refused { source, .. }) => Some(source.to_string()),
                Err(error) => return Err(error),
            },
        };
        let unlisted = |source| AttachError::Ingress { interface: interface.name.clone(), source };
        let surroundings = Surroundings::look(interface).map_err(unlisted)?;
        if let Some(objection) = surroundings.objection(policy == ModePolicy::Generic) {
            let interface = interface.name.clone();
            return Err(AttachError::Generic { interface, native: fallback, objection });
        }
        let attached = self.attach_as(interface, Mode::Generic)?;
        Ok(Attached { fallback, hidden_from: surroundings.hidden_from(), ..attached })
    }

    /// Attaches the program in this mode, and never replaces another program. If there is a program of either
    /// mode, the kernel rejects a BPF link with EBUSY or EEXIST, and it rejects aya's netlink request
    /// (`XDP_FLAGS_UPDATE_IF_NOEXIST`) as well.
    fn attach_as(&mut self, interface: &Interface, mode: Mode) -> Result<Attached, AttachError> {
        let aya_mode = match mode {
            Mode::Native => XdpMode::Driver,
            Mode::Generic => XdpMode::Skb,
        };
        let failed = |source| AttachError::Program { interface: interface.name.clone(), source };
        let program = self.program_id().map_err(failed)?;
        let xdp = self.xdp().map_err(failed)?;
        let attached = xdp.attach_to_if_index(interface.index, aya_mode);
        let id = attached.map_err(|error| explain(interface, mode, error))?;
        let link = xdp.take_link(id).map_err(failed)?;
        let kind = match fdinfo::holds_link(program, interface.index) {
            Ok(true) => LinkKind::BpfLink,
            Ok(false) => LinkKind::Netlink,
            // Dropping the link detaches the program.
            Err(error) => {
                return Err(RequirementError::Proc(ProcError::Io(error, Some(fdinfo::OWN.into()))).into());
            }
        };
        self.links.add(interface, Link::Xdp(link, kind));
        let attachment = Attachment { mode, link: kind };
        // If the interface has just disappeared, the next check finds out.
        let kernel_name = interface.kernel_name().unwrap_or_default();
        let (interface, hidden_from) = (interface.clone(), Vec::new());
        Ok(Attached { interface, attachment, fallback: None, hidden_from, kernel_name, program })
    }
}

/// Converts the error of an attachment.
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
    if matches!(code, Some(nix::libc::EBUSY | nix::libc::EEXIST)) {
        if let Ok(Some(xdp)) = interface.xdp() {
            return busy(interface, xdp);
        }
        if let Ok(stack) = Stack::read()
            && let Err(busy) = Kernel::require_free_above(interface, &stack)
        {
            return busy;
        }
    }
    AttachError::Refused { interface: interface.name.clone(), mode: mode.as_str(), source }
}

fn busy(interface: &Interface, xdp: Xdp) -> AttachError {
    let Xdp { program: id, mode } = xdp;
    AttachError::Busy { interface: interface.name.clone(), name: name_of(id), id, mode }
}

fn busy_above(interface: &Interface, upper: &str, xdp: Xdp) -> AttachError {
    let Xdp { program: id, mode } = xdp;
    let (interface, upper) = (interface.name.clone(), upper.to_owned());
    AttachError::BusyAbove { interface, upper, name: name_of(id), id, mode }
}

/// Returns the name of a loaded program, for messages.
fn name_of(id: u32) -> String {
    let listed = loaded_programs().filter_map(Result::ok).find(|program| program.id() == id);
    let name = match listed.as_ref().map(|program| program.name_as_str()) {
        None => "name not readable without CAP_SYS_ADMIN",
        Some(None | Some("")) => "without a name",
        Some(Some(name)) => name,
    };
    name.to_owned()
}
