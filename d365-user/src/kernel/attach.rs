//! Attaches the program that counts to interfaces: an XDP program, or a tc program.
//!
//! A BPF link holds it. If an earlier daemon left its link, the program of that link is replaced. This module
//! never replaces a program of another owner.

mod attached;
mod error;

use std::{io, os::fd::AsFd as _};

use aya::programs::loaded_programs;

pub use self::{
    attached::{Attached, Look},
    error::AttachError,
};
use super::{
    bpf,
    generic::Surroundings,
    inherited::Inherited,
    interface::{Interface, InterfaceError, Xdp},
    link_layer::{Header, no_frames},
    links::Link,
    object::Kernel,
    objection::Objection,
    requirements,
    role::{Role, TcRole, is_own_counter},
    stack::Stack,
    survey::{interrupting_driver, objection_to_native},
    tc,
};
use crate::{
    settings::{ModePolicy, TcOrder},
    snapshot::{Mode, XdpMode},
};

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

    /// Attaches the program that counts to `interface`; a tc program gets its place by `order`. If an earlier
    /// daemon left its link there, in a mode that `policy` allows, the program of that link is replaced: no
    /// packet passes without a program. The earlier program of another mode is detached after that.
    ///
    /// # Errors
    /// [`AttachError`]; the interface is then unchanged, except that an XDP program of another XDP mode is
    /// detached.
    pub fn attach(
        &mut self,
        interface: &Interface,
        policy: ModePolicy,
        order: TcOrder,
        inherited: &mut Inherited,
    ) -> Result<Attached, AttachError> {
        let header = interface.header()?;
        let unlisted = |source| AttachError::Ingress { interface: interface.name.clone(), source };
        let (index, xdp) = (interface.index, interface.xdp()?);
        // The index may be that of an interface of another network namespace: a link is here if its program
        // is.
        let mut here = tc::programs(index).map_err(unlisted)?;
        here.extend(xdp.map(|xdp| xdp.program));
        inherited.close_unfit(index, "it is of another interface", |_, program| here.contains(&program));
        let kept = xdp.filter(|_| inherited.program(index, Role::Xdp).is_some()).map(|xdp| xdp.mode);
        let mut attached = match policy {
            ModePolicy::Native => self.xdp_in(interface, header, XdpMode::Native, kept, inherited),
            ModePolicy::Generic => self.xdp_in(interface, header, XdpMode::Generic, kept, inherited),
            ModePolicy::Tc => self.attach_without_xdp(interface, header, order, inherited),
            ModePolicy::Auto if kept != Some(XdpMode::Native) && inherited.counts_by_tc(index) => {
                tracing::info!(
                    "the program stays in tc, where the earlier daemon attached it; native mode is tried after a stop"
                );
                self.attach_without_xdp(interface, header, order, inherited)
            }
            ModePolicy::Auto => match self.xdp_in(interface, header, XdpMode::Native, kept, inherited) {
                Ok(attached) => Ok(attached),
                Err(error) => {
                    let fallback = error.refusal_of_xdp()?;
                    let attached = self.attach_without_xdp(interface, header, order, inherited);
                    if let (Err(_), Some(reason)) = (&attached, &fallback) {
                        tracing::warn!(reason, "native XDP is not possible, and neither is tc");
                    }
                    Ok(Attached { fallback, ..attached? })
                }
            },
        }?;
        let is_xdp = attached.mode != Mode::Tc;
        inherited.close_unfit(index, "another program counts now", |role, _| is_xdp && !role.counts());
        if is_xdp && inherited.is_start() {
            Self::remove_stale_filters(interface);
        }
        attached.rivals = Self::rivals(&attached);
        Ok(attached)
    }

    /// Attaches the XDP program in this mode, or replaces the program of an earlier daemon; `kept` is the
    /// mode of its link, if it left one.
    fn xdp_in(
        &mut self,
        interface: &Interface,
        header: Header,
        mode: XdpMode,
        kept: Option<XdpMode>,
        inherited: &mut Inherited,
    ) -> Result<Attached, AttachError> {
        let hidden_from = match mode {
            XdpMode::Native => {
                require_sound_driver(interface)?;
                Vec::new()
            }
            XdpMode::Generic => require_harmless(interface)?,
        };
        let failed = |source| AttachError::Program { interface: interface.name.clone(), source };
        if kept == Some(mode) {
            let id = self.program_id().map_err(failed)?;
            let fd = self.xdp().and_then(|xdp| xdp.fd()).map_err(failed)?.as_fd();
            if let Some(link) = inherited.replace(interface.index, Role::Xdp, fd) {
                self.links.add(interface, Role::Xdp, Link::Bpf(link));
                return Ok(Attached { hidden_from, ..Attached::by_xdp(interface, header, id, mode) });
            }
        }
        // The kernel takes one XDP program.
        inherited.close_unfit(interface.index, "it is of another mode", |role, _| role != Role::Xdp);
        Ok(Attached { hidden_from, ..self.attach_xdp(interface, header, mode)? })
    }

    /// The programs of other d365-users on the interface, as far as this process may read their names.
    fn rivals(attached: &Attached) -> Vec<String> {
        let interface = &attached.interface;
        let xdp = interface.xdp().ok().flatten().map(|xdp| xdp.program);
        let ids = tc::programs(interface.index).unwrap_or_default().into_iter().chain(xdp);
        let others = ids.filter(|id| !attached.is_by(*id)).map(|id| (name_of(id), id));
        others
            .filter(|(name, _)| is_own_counter(name))
            .map(|(name, id)| format!("{name} (id {id})"))
            .collect()
    }

    /// Attaches the tc program that counts, and detaches this daemon's tc program that only marks.
    fn attach_without_xdp(
        &mut self,
        interface: &Interface,
        header: Header,
        order: TcOrder,
        inherited: &mut Inherited,
    ) -> Result<Attached, AttachError> {
        self.links.release(interface, false);
        let tc = self.attach_tc(interface, TcRole::All, header, order, inherited)?;
        Ok(Attached::by_tc(interface, header, tc))
    }

    /// Attaches the XDP program in this mode. The kernel refuses a BPF link with EBUSY or EEXIST if there is
    /// a program of either mode.
    fn attach_xdp(
        &mut self,
        interface: &Interface,
        header: Header,
        mode: XdpMode,
    ) -> Result<Attached, AttachError> {
        if header != Header::Ethernet {
            return Err(InterfaceError::from(no_frames(&interface.name)).into());
        }
        let failed = |source| AttachError::Program { interface: interface.name.clone(), source };
        let id = self.program_id().map_err(failed)?;
        if mode == XdpMode::Native
            && interface.xdp()?.is_none()
            && let Some(driver) = interrupting_driver(interface)
            && self.warned.insert(interface.index)
        {
            tracing::warn!(
                driver,
                "the driver interrupts traffic for seconds when a native program is attached or detached; a restart that keeps \
                 the program does not"
            );
        }
        let program = self.xdp().and_then(|xdp| xdp.fd()).map_err(failed)?.as_fd();
        let link = bpf::create_xdp_link(program, interface.index, mode);
        let link = link.map_err(|error| explain(interface, mode, error))?;
        self.links.add_new(interface, Role::Xdp, link);
        Ok(Attached::by_xdp(interface, header, id, mode))
    }
}

fn unfit(interface: &Interface, mode: XdpMode, objection: Objection) -> AttachError {
    AttachError::Unfit { interface: interface.name.clone(), mode, objection }
}

/// Checks that the driver runs programs as it promises.
fn require_sound_driver(interface: &Interface) -> Result<(), AttachError> {
    let objection = objection_to_native(interface);
    objection.map_or(Ok(()), |objection| Err(unfit(interface, XdpMode::Native, objection)))
}

/// Checks that generic mode does no harm on `interface` that its operator cannot accept. Returns the filters
/// and programs at its ingress that will no longer see Ethernet headers.
fn require_harmless(interface: &Interface) -> Result<Vec<String>, AttachError> {
    let unlisted = |source| AttachError::Ingress { interface: interface.name.clone(), source };
    let surroundings = Surroundings::look(interface).map_err(unlisted)?;
    match surroundings.objection() {
        Some(objection) => Err(unfit(interface, XdpMode::Generic, objection)),
        None => Ok(surroundings.hidden_from()),
    }
}

/// Converts the error of an attachment.
fn explain(interface: &Interface, mode: XdpMode, source: io::Error) -> AttachError {
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
    AttachError::Refused { interface: interface.name.clone(), mode, source }
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
