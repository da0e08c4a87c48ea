//! Attaches a tc program to interfaces, and finds out if it is still attached.

use std::{io, os::fd::AsFd as _};

use aya::programs::{
    ProgramError, TcAttachType,
    links::Link as _,
    tc::{NlOptions, SchedClassifierLink, TcAttachOptions, TcError as AyaError, TcHandle, qdisc_add_clsact},
};
use nix::libc::{EINVAL, ERANGE};

use super::{
    clsact::{OwnFilter, Qdisc, filters},
    filter::Filter,
};
use crate::{
    kernel::{
        bpf,
        error::{LoadError, error_chain},
        inherited::Inherited,
        interface::Interface,
        link_layer::Header,
        links::Link,
        object::Kernel,
        role::{Role, TcRole},
    },
    settings::TcOrder,
};

/// The means by which a tc program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcHold {
    /// A tcx link. The kernel detaches it when nobody holds the link.
    Tcx,
    /// A filter. It outlives a daemon that is killed, and tags nothing once the lease has expired.
    Clsact,
}

/// A tc program on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcProgram {
    /// The interface.
    pub interface: Interface,
    /// The means by which it is attached.
    pub hold: TcHold,
    /// True if another filter also has the first priority and may run before ours.
    pub is_preceded: bool,
    program: u32,
}

/// The tc program cannot be attached to the interface.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what variants and fields are")]
pub enum TcError {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(
        "cannot attach tc program {program} to {interface}: {}; the kernel needs tcx (6.6), or clsact \
         (CONFIG_NET_CLS_ACT, modules sch_ingress and cls_bpf)",
        error_chain(.source)
    )]
    Program { program: &'static str, interface: String, source: ProgramError },
    #[error("cannot attach tc program {program} to {interface}: {source}{}", advice(.source))]
    Link { program: &'static str, interface: String, source: io::Error },
    #[error(
        "cannot list the tc filters of {interface}: {source}; look with `tc filter show dev {interface} ingress`"
    )]
    Filters { interface: String, source: io::Error },
    #[error(
        "cannot remove the tc filter of a killed daemon from {interface}: {}; remove it with `tc filter del dev {interface} \
         ingress`",
        error_chain(.source)
    )]
    Stale { interface: String, source: ProgramError },
}

impl TcProgram {
    /// Returns true if it has this id.
    pub(in crate::kernel) fn is(&self, id: u32) -> bool {
        self.program == id
    }

    /// Returns true if the tc program is still attached. The caller must be in the interface's network
    /// namespace.
    ///
    /// # Errors
    /// The I/O error if the kernel does not answer.
    pub fn is_attached(&self) -> io::Result<bool> {
        match self.hold {
            TcHold::Tcx => Ok(bpf::tcx_programs(self.interface.index)?.contains(&self.program)),
            TcHold::Clsact => {
                let filters = filters(self.interface.index)?;
                Ok(filters.iter().any(|filter| filter.program == Some(self.program)))
            }
        }
    }
}

impl Kernel {
    /// Removes the filters on an interface that have the name of one of our programs. They are taken for
    /// those of a killed daemon, and would count packets next to the programs of this one. A failure is
    /// logged.
    pub fn remove_stale_filters(interface: &Interface) {
        if let Err(error) = remove_filters(interface, Filter::is_ours) {
            let iface = &interface.name;
            tracing::warn!(iface, %error, "the filter of a killed daemon stays, and counts for itself");
        }
    }

    /// Loads the tc program with this role for packets that begin with this header.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load_tc(&mut self, role: TcRole, header: Header) -> Result<(), LoadError> {
        self.tc(role.program(header)).map(drop)
    }

    /// Attaches the tc program that marks packets.
    ///
    /// # Errors
    /// [`TcError`]; the interface is then unchanged.
    pub fn attach_tagger(
        &mut self,
        interface: &Interface,
        order: TcOrder,
        inherited: &mut Inherited,
    ) -> Result<TcProgram, TcError> {
        self.attach_tc(interface, TcRole::Mark, Header::Ethernet, order, inherited)
    }

    /// Attaches the tc program with this role for packets that begin with this header: by tcx, or by a filter
    /// if the kernel has no tcx. If an earlier daemon left its tcx link there, with the same role and in the
    /// same place, the program of that link is replaced.
    ///
    /// # Errors
    /// [`TcError`]; the interface is then unchanged.
    pub(in crate::kernel) fn attach_tc(
        &mut self,
        interface: &Interface,
        role: TcRole,
        header: Header,
        order: TcOrder,
        inherited: &mut Inherited,
    ) -> Result<TcProgram, TcError> {
        let program = role.program(header);
        match self.attach_tcx(interface, program, role, order, inherited) {
            Err(TcError::Link { source, .. }) if is_unknown(&source) => {
                self.attach_clsact(interface, role, header, order, inherited)
            }
            attached => attached,
        }
    }

    fn attach_tcx(
        &mut self,
        interface: &Interface,
        program: &'static str,
        role: TcRole,
        order: TcOrder,
        inherited: &mut Inherited,
    ) -> Result<TcProgram, TcError> {
        let failed = |source| TcError::Program { program, interface: interface.name.clone(), source };
        let refused = |source| TcError::Link { program, interface: interface.name.clone(), source };
        let role = Role::Tc(role, order);
        let classifier = self.tc(program)?;
        let id = classifier.info().map_err(failed)?.id();
        let fd = classifier.fd().map_err(failed)?.as_fd();
        match inherited.replace(interface.index, role, fd) {
            Some(link) => self.links.add(interface, role, Link::Bpf(link)),
            None => {
                let link = bpf::create_tcx_link(fd, interface.index, order).map_err(refused)?;
                self.links.add_new(interface, role, link);
            }
        }
        let interface = interface.clone();
        Ok(TcProgram { interface, hold: TcHold::Tcx, is_preceded: false, program: id })
    }

    /// Attaches a tc program by a filter. The filters of a killed daemon are removed.
    ///
    /// # Errors
    /// [`TcError`]; the interface then has no filter of ours.
    pub fn attach_clsact(
        &mut self,
        interface: &Interface,
        role: TcRole,
        header: Header,
        order: TcOrder,
        inherited: &Inherited,
    ) -> Result<TcProgram, TcError> {
        /// Priorities range from 1 to 65535. If two filters have the same priority, the older one runs first.
        const FIRST: u16 = 1;
        const LAST: u16 = u16::MAX;
        let program = role.program(header);
        let failed = |source| TcError::Program { program, interface: interface.name.clone(), source };
        let unlisted = |source| TcError::Filters { interface: interface.name.clone(), source };
        let loaded = self.tc(program)?.info().map_err(failed)?.id();
        // A filter of this daemon may be left that it took for gone together with its interface.
        let is_start = inherited.is_start();
        remove_filters(interface, |filter| filter.program == Some(loaded) || is_start && filter.is_ours())?;
        let name = interface.kernel_name().map_err(unlisted)?;
        let qdisc = match qdisc_add_clsact(&name) {
            Ok(()) => Some(Qdisc::added(interface.index)),
            Err(error) if is_there(&error) => None,
            Err(error) => return Err(failed(error.into())),
        };
        let filters = filters(interface.index).map_err(unlisted)?;
        let priority = match order {
            TcOrder::First => FIRST,
            TcOrder::Last => LAST,
        };
        let options = NlOptions { priority, handle: TcHandle::AUTO_ASSIGN, classid: None };
        let classifier = self.tc(program)?;
        let id =
            classifier.attach_with_options(&name, TcAttachType::Ingress, TcAttachOptions::Netlink(options));
        let link = id.and_then(|id| classifier.take_link(id)).map_err(failed)?;
        let filter = Link::Filter(OwnFilter::new(link, interface.index, loaded, qdisc));
        self.links.add(interface, Role::Tc(role, order), filter);
        let is_preceded = order == TcOrder::First && filters.iter().any(|filter| filter.priority <= FIRST);
        let interface = interface.clone();
        Ok(TcProgram { interface, hold: TcHold::Clsact, is_preceded, program: loaded })
    }
}

/// Removes such filters from an interface.
fn remove_filters(interface: &Interface, is_such: impl Fn(&Filter) -> bool) -> Result<(), TcError> {
    let unlisted = |source| TcError::Filters { interface: interface.name.clone(), source };
    for stale in filters(interface.index).map_err(unlisted)?.iter().filter(|filter| is_such(filter)) {
        tracing::info!(filter = %stale, "removing the tc filter of a daemon that was killed");
        let (name, priority) = (interface.kernel_name().map_err(unlisted)?, stale.priority);
        let link = SchedClassifierLink::attached(&name, TcAttachType::Ingress, priority, stale.handle, None);
        let failed = |source| TcError::Stale { interface: interface.name.clone(), source };
        link.map_err(unlisted)?.detach().map_err(failed)?;
    }
    Ok(())
}

fn advice(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(ERANGE) => "; it has as many tcx programs as the kernel takes: `bpftool net` lists them",
        _ => "",
    }
}

/// Returns true if the qdisc could not be added because it exists already.
fn is_there(error: &AyaError) -> bool {
    match error {
        AyaError::AlreadyAttached => true,
        AyaError::NetlinkError(error) => error.raw_os_error() == Some(nix::libc::EEXIST),
        _ => false,
    }
}

/// Returns true if the kernel does not support tcx (`link_create`, kernel/bpf/syscall.c).
fn is_unknown(error: &io::Error) -> bool {
    error.raw_os_error() == Some(EINVAL)
}
