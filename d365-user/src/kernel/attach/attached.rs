//! A program on an interface, and its state as the kernel reports it. This module attaches and detaches
//! nothing.

use super::super::{
    generic::Surroundings,
    interface::{Interface, InterfaceError, program},
    link_layer::Header,
    link_message,
    links::DetachReason,
    tc::TcProgram,
};
use crate::snapshot::{Mode, XdpMode};

/// A program on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The interface.
    pub interface: Interface,
    /// The mode.
    pub mode: Mode,
    /// The reason why it is not native, if `auto` fell back to tc where native mode could be possible.
    pub fallback: Option<String>,
    /// The filters and programs at its ingress that no longer see Ethernet headers.
    pub hidden_from: Vec<String>,
    /// The programs of other d365-users that count on the interface too.
    pub rivals: Vec<String>,
    /// The kernel's own name for the interface when it was attached.
    pub(super) kernel_name: String,
    /// The header that its packets began with when it was attached.
    pub(super) header: Header,
    pub(super) program: Program,
}

/// The program of an attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// The id of an XDP program.
    Xdp(u32),
    Tc(TcProgram),
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
    /// The XDP program with this id.
    pub(super) fn by_xdp(interface: &Interface, header: Header, id: u32, mode: XdpMode) -> Self {
        Self::new(interface, Mode::Xdp(mode), header, Program::Xdp(id))
    }

    /// A tc program.
    pub(super) fn by_tc(interface: &Interface, header: Header, tc: TcProgram) -> Self {
        Self::new(interface, Mode::Tc, header, Program::Tc(tc))
    }

    fn new(interface: &Interface, mode: Mode, header: Header, program: Program) -> Self {
        // If the interface has just disappeared, the next check finds out.
        let kernel_name = interface.kernel_name().unwrap_or_default();
        let interface = interface.clone();
        let (hidden_from, rivals) = (Vec::new(), Vec::new());
        Self { interface, mode, fallback: None, hidden_from, rivals, kernel_name, header, program }
    }

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
        let mode = match &self.program {
            Program::Xdp(id) => {
                let xdp = link.attributes.iter().find_map(program).filter(|xdp| xdp.program == *id);
                xdp.map(|xdp| Mode::Xdp(xdp.mode))
            }
            Program::Tc(tc) => {
                let failed = |source| InterfaceError::Netlink { name: self.interface.name.clone(), source };
                tc.is_attached().map_err(failed)?.then_some(Mode::Tc)
            }
        };
        Ok(Look { name: link_message::name(&link), mode })
    }

    /// Returns true if this is the program with the id.
    pub(super) fn is_by(&self, id: u32) -> bool {
        match &self.program {
            Program::Xdp(own) => *own == id,
            Program::Tc(tc) => tc.is(id),
        }
    }

    /// The tc program; `None` if an XDP program is attached.
    #[must_use]
    pub fn tc(&self) -> Option<&TcProgram> {
        match &self.program {
            Program::Xdp(_) => None,
            Program::Tc(tc) => Some(tc),
        }
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
        match self.interface.header() {
            Err(InterfaceError::Unfit(objection)) => {
                return (Some((DetachReason::Header, objection.to_string())), Vec::new());
            }
            Ok(header) if header != self.header => {
                let reason = DetachReason::Header;
                return (Some((reason, reason.to_string())), Vec::new());
            }
            Ok(_) if self.mode == Mode::Xdp(XdpMode::Generic) => {}
            _ => return (None, Vec::new()),
        }
        let Ok(surroundings) = Surroundings::look(&self.interface) else { return (None, Vec::new()) };
        // If marks are enabled, our own tcx program is among those that this process may not read.
        let surroundings = Surroundings { has_unreadable: false, ..surroundings };
        let mut hidden_from = surroundings.hidden_from();
        hidden_from.retain(|name| !self.hidden_from.contains(name));
        let objection = surroundings.objection();
        (objection.map(|objection| (DetachReason::SeenTwice, objection.to_string())), hidden_from)
    }
}
