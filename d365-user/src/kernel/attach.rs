//! Attaches the program to interfaces.
//!
//! A BPF link holds the program. If an earlier daemon left its link, the program of that link is replaced.
//! This module never replaces a program of another owner.

mod error;

use std::{io, os::fd::AsFd as _};

use aya::programs::loaded_programs;

pub use self::error::AttachError;
use super::{
    bpf,
    generic::Surroundings,
    inherited::{Inherited, xdp_name},
    interface::{Interface, InterfaceError, Xdp, program},
    link_message,
    links::{DetachReason, Link},
    object::Kernel,
    requirements,
    stack::Stack,
    survey::resetting_driver,
};
use crate::{settings::ModePolicy, snapshot::Mode};

/// A program on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The interface.
    pub interface: Interface,
    /// The mode.
    pub mode: Mode,
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
    /// The mode of the program now; `None` if the interface has no program or another one.
    pub mode: Option<Mode>,
}

impl Attached {
    /// Returns the current attachment, as the kernel reports it; `None` if the interface no longer exists or
    /// has another program. If the kernel cannot be queried, for lack of a descriptor or of memory, returns
    /// the attachment as it was.
    #[must_use]
    pub fn now(&self) -> Option<Mode> {
        match self.look() {
            Err(InterfaceError::Netlink { .. }) => Some(self.mode),
            look => look.ok()?.mode,
        }
    }

    /// The same attachment after its interface has gone: its index may be that of another interface by now.
    #[must_use]
    pub fn without_interface(self) -> Self {
        Self { interface: Interface::absent(&self.interface.name), ..self }
    }

    /// Reads the current attachment from the kernel.
    ///
    /// # Errors
    /// [`InterfaceError::NotFound`] if the interface no longer exists, [`InterfaceError::Netlink`] if the
    /// kernel did not answer.
    pub fn look(&self) -> Result<Look, InterfaceError> {
        let link = self.interface.link()?;
        let xdp = link.attributes.iter().find_map(program);
        let ours = xdp.filter(|xdp| xdp.program == self.program);
        Ok(Look { name: link_message::name(&link), mode: ours.map(|xdp| xdp.mode) })
    }

    /// Returns true if the interface was searched for by the kernel's own name, not by an alternative name.
    #[must_use]
    pub fn is_by_own_name(&self) -> bool {
        self.kernel_name == self.interface.name
    }

    /// Checks the surroundings of the program. Returns the reason why it must not stay on its interface, and
    /// its text, if there is one. Also returns the filters and tc programs that were added after it was
    /// attached and cannot read an Ethernet header. If the kernel cannot be queried, the caller learns of
    /// changes at the next check.
    #[must_use]
    pub fn around(&self) -> (Option<(DetachReason, String)>, Vec<String>) {
        match self.interface.require_frames() {
            Err(InterfaceError::Unfit(objection)) => {
                return (Some((DetachReason::NoFrames, objection.to_string())), Vec::new());
            }
            Ok(()) if self.mode == Mode::Generic => {}
            _ => return (None, Vec::new()),
        }
        let Ok(surroundings) = Surroundings::look(&self.interface) else { return (None, Vec::new()) };
        // If marks are enabled, our own tcx program is among those that this process may not read.
        let surroundings = Surroundings { has_unreadable: false, ..surroundings };
        let mut hidden_from = surroundings.hidden_from();
        hidden_from.retain(|name| !self.hidden_from.contains(name));
        let objection = surroundings.objection(true);
        (objection.map(|objection| (DetachReason::SeenTwice, objection.to_string())), hidden_from)
    }
}

impl Kernel {
    /// Gives a row of the counters to another interface, and takes the interface from any other row. No
    /// program may run on it yet.
    ///
    /// # Errors
    /// [`AttachError::Row`]; the rows are then as they were.
    pub fn set_row(&mut self, row: usize, interface: &Interface) -> Result<(), AttachError> {
        let failed = |source| AttachError::Row { interface: interface.name.clone(), source };
        let before = self.ifindexes.get(&0, 0).map_err(failed)?;
        let mut indexes = before.map(|index| if index == interface.index { 0 } else { index });
        indexes[row] = interface.index;
        if indexes == before { Ok(()) } else { self.ifindexes.set(0, indexes, 0).map_err(failed) }
    }

    /// Fails if `interface` already has an XDP program, other than one that an earlier daemon left.
    ///
    /// # Errors
    /// [`AttachError::Busy`] names the program; [`AttachError::Interface`] if the interface cannot be
    /// queried.
    pub fn require_free(interface: &Interface, inherited: &Inherited) -> Result<(), AttachError> {
        match interface.xdp()? {
            Some(xdp) if !inherited.holds(xdp.program) => Err(busy(interface, xdp)),
            _ => Ok(()),
        }
    }

    /// Fails if a device directly above `interface` has an XDP program, other than one that an earlier daemon
    /// left: the kernel then accepts none on `interface`.
    ///
    /// # Errors
    /// [`AttachError::BusyAbove`] names the device and the program.
    pub fn require_free_above(
        interface: &Interface,
        stack: &Stack,
        inherited: &Inherited,
    ) -> Result<(), AttachError> {
        match stack.program_above(interface.index) {
            Some((upper, xdp)) if !inherited.holds(xdp.program) => Err(busy_above(interface, upper, xdp)),
            _ => Ok(()),
        }
    }

    /// Attaches the program to `interface`. If an earlier daemon left its link there, in a mode that `policy`
    /// allows, the program of that link is replaced: no packet passes without a program.
    ///
    /// # Errors
    /// [`AttachError`]; the interface is then unchanged.
    pub fn attach(
        &mut self,
        interface: &Interface,
        policy: ModePolicy,
        inherited: &mut Inherited,
    ) -> Result<Attached, AttachError> {
        interface.require_frames()?;
        if let Some(attached) = self.adopt(interface, policy, inherited)? {
            return Ok(attached);
        }
        let native = match policy {
            ModePolicy::Native => return self.attach_as(interface, Mode::Native),
            ModePolicy::Generic => None,
            ModePolicy::Auto => match self.attach_as(interface, Mode::Native) {
                Ok(attached) => return Ok(attached),
                Err(AttachError::Refused { source, .. }) => Some(source.to_string()),
                Err(error) => return Err(error),
            },
        };
        let hidden_from = require_harmless(interface, policy, native.clone())?;
        let attached = self.attach_as(interface, Mode::Generic)?;
        Ok(Attached { fallback: native, hidden_from, ..attached })
    }

    /// Replaces the program of the link that an earlier daemon left, if its mode is allowed. Otherwise
    /// returns `None`, and the daemon's links on this interface are closed.
    fn adopt(
        &mut self,
        interface: &Interface,
        policy: ModePolicy,
        inherited: &mut Inherited,
    ) -> Result<Option<Attached>, AttachError> {
        let name = xdp_name(interface.index);
        // The index may be that of an interface of another network namespace.
        let ours = interface.xdp()?.filter(|xdp| inherited.program(&name) == Some(xdp.program));
        let is_allowed = |mode: &Mode| match policy {
            ModePolicy::Native => *mode == Mode::Native,
            ModePolicy::Generic => *mode == Mode::Generic,
            ModePolicy::Auto => true,
        };
        let Some(mode) = ours.map(|xdp| xdp.mode).filter(is_allowed) else {
            inherited.close(|index| index == interface.index, "it is of another interface or mode");
            return Ok(None);
        };
        let hidden_from = match mode {
            Mode::Native => Vec::new(),
            Mode::Generic => require_harmless(interface, policy, None)?,
        };
        let failed = |source| AttachError::Program { interface: interface.name.clone(), source };
        let xdp = self.xdp().map_err(failed)?;
        let Some(link) = inherited.replace(&name, xdp.fd().map_err(failed)?.as_fd()) else { return Ok(None) };
        self.links.add(interface, Link::Bpf(link, name));
        Ok(Some(Attached { hidden_from, ..self.attached(interface, mode)? }))
    }

    /// Attaches the program in this mode. The kernel refuses a BPF link with EBUSY or EEXIST if there is a
    /// program of either mode.
    fn attach_as(&mut self, interface: &Interface, mode: Mode) -> Result<Attached, AttachError> {
        let failed = |source| AttachError::Program { interface: interface.name.clone(), source };
        let program = self.xdp().and_then(|xdp| xdp.fd()).map_err(failed)?.as_fd();
        if mode == Mode::Native
            && interface.xdp()?.is_none()
            && let Some(driver) = resetting_driver(interface)
        {
            tracing::warn!(
                driver,
                "the driver interrupts traffic for seconds when a native program is attached or detached; a restart that keeps \
                 the program does not"
            );
        }
        let link = bpf::create_xdp_link(program, interface.index, mode);
        let link = link.map_err(|error| explain(interface, mode, error))?;
        self.links.add_new(interface, link, xdp_name(interface.index));
        self.attached(interface, mode)
    }

    fn attached(&mut self, interface: &Interface, mode: Mode) -> Result<Attached, AttachError> {
        let failed = |source| AttachError::Program { interface: interface.name.clone(), source };
        let program = self.program_id().map_err(failed)?;
        // If the interface has just disappeared, the next check finds out.
        let kernel_name = interface.kernel_name().unwrap_or_default();
        let (interface, hidden_from) = (interface.clone(), Vec::new());
        Ok(Attached { interface, mode, fallback: None, hidden_from, kernel_name, program })
    }
}

/// Checks that generic mode does no harm on `interface`, or only the harm that the operator accepts. Returns
/// the filters and programs at its ingress that will no longer see Ethernet headers. `native` is the reason
/// why native mode was refused, if it was tried.
fn require_harmless(
    interface: &Interface,
    policy: ModePolicy,
    native: Option<String>,
) -> Result<Vec<String>, AttachError> {
    let unlisted = |source| AttachError::Ingress { interface: interface.name.clone(), source };
    let surroundings = Surroundings::look(interface).map_err(unlisted)?;
    match surroundings.objection(policy == ModePolicy::Generic) {
        Some(objection) => Err(AttachError::Generic { interface: interface.name.clone(), native, objection }),
        None => Ok(surroundings.hidden_from()),
    }
}

/// Converts the error of an attachment.
fn explain(interface: &Interface, mode: Mode, source: io::Error) -> AttachError {
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
            && let Err(busy) = Kernel::require_free_above(interface, &stack, &Inherited::default())
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
