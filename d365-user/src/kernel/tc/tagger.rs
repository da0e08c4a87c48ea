//! Attaches the tc program to interfaces, and finds out if it is still attached.

use std::{io, os::fd::AsFd as _};

use aya::programs::{
    ProgramError, TcAttachType,
    links::Link as _,
    tc::{NlOptions, SchedClassifierLink, TcAttachOptions, TcError, TcHandle, qdisc_add_clsact},
};
use nix::libc::EINVAL;

use super::clsact::{OwnFilter, Qdisc, filters};
use crate::{
    kernel::{
        bpf,
        error::error_chain,
        inherited::{Inherited, tcx_name},
        interface::Interface,
        links::{Link, Links},
        object::Kernel,
    },
    settings::TcOrder,
};

/// The means by which the tc program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcHold {
    /// A tcx link. The kernel detaches it when the daemon ends.
    Tcx,
    /// A filter. It outlives a daemon that is killed, and tags nothing once the lease has expired.
    Clsact,
}

/// The tc program on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagger {
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
pub enum TaggerError {
    #[error(
        "cannot attach the tc program that marks packets to {interface}: {}; the kernel needs tcx (6.6), or clsact \
         (CONFIG_NET_CLS_ACT, modules sch_ingress and cls_bpf); without --tag mark none is needed",
        error_chain(.source)
    )]
    Program { interface: String, source: ProgramError },
    #[error(
        "cannot attach the tc program that marks packets to {interface}: {source}; without --tag mark none is needed"
    )]
    Link { interface: String, source: io::Error },
    #[error("cannot list the tc filters of {interface}: {source}")]
    Filters { interface: String, source: io::Error },
}

impl Tagger {
    /// Returns true if the tc program is still attached. The caller must be in the interface's network
    /// namespace.
    ///
    /// # Errors
    /// The I/O error if the kernel does not answer.
    pub fn is_attached(&self, links: &Links) -> io::Result<bool> {
        match self.hold {
            TcHold::Tcx => links.holds_tcx(&self.interface),
            TcHold::Clsact => {
                let filters = filters(self.interface.index)?;
                Ok(filters.iter().any(|filter| filter.program == Some(self.program)))
            }
        }
    }
}

impl Kernel {
    /// Attaches the tc program, which marks packets, to `interface`: by tcx, or by a filter if the kernel has
    /// no tcx. If an earlier daemon left its tcx link there, in the same place, the program of that link is
    /// replaced.
    ///
    /// # Errors
    /// [`TaggerError`]; the interface is then unchanged.
    pub fn attach_tagger(
        &mut self,
        interface: &Interface,
        order: TcOrder,
        inherited: &mut Inherited,
    ) -> Result<Tagger, TaggerError> {
        match self.attach_tcx(interface, order, inherited) {
            Err(TaggerError::Link { source, .. }) if is_unknown(&source) => {
                self.attach_tagger_by(TcHold::Clsact, interface, order)
            }
            attached => attached,
        }
    }

    /// Same as [`Kernel::attach_tagger`], but by this means only.
    ///
    /// # Errors
    /// Same as [`Kernel::attach_tagger`].
    pub fn attach_tagger_by(
        &mut self,
        hold: TcHold,
        interface: &Interface,
        order: TcOrder,
    ) -> Result<Tagger, TaggerError> {
        match hold {
            TcHold::Tcx => self.attach_tcx(interface, order, &mut Inherited::default()),
            TcHold::Clsact => {
                let is_preceded = self.attach_filter(interface, order)?;
                self.tagger(interface, hold, is_preceded)
            }
        }
    }

    fn attach_tcx(
        &mut self,
        interface: &Interface,
        order: TcOrder,
        inherited: &mut Inherited,
    ) -> Result<Tagger, TaggerError> {
        let failed = |source| TaggerError::Program { interface: interface.name.clone(), source };
        let refused = |source| TaggerError::Link { interface: interface.name.clone(), source };
        let name = tcx_name(interface.index, order);
        let program = self.tag().and_then(|tag| tag.fd()).map_err(failed)?.as_fd();
        match inherited.replace(&name, program) {
            Some(link) => self.links.add(interface, Link::Bpf(link, name)),
            None => {
                let link = bpf::create_tcx_link(program, interface.index, order).map_err(refused)?;
                self.links.add_new(interface, link, name);
            }
        }
        self.tagger(interface, TcHold::Tcx, false)
    }

    fn tagger(
        &mut self,
        interface: &Interface,
        hold: TcHold,
        is_preceded: bool,
    ) -> Result<Tagger, TaggerError> {
        let failed = |source| TaggerError::Program { interface: interface.name.clone(), source };
        let program = self.tag().and_then(|tag| tag.info()).map_err(failed)?.id();
        Ok(Tagger { interface: interface.clone(), hold, is_preceded, program })
    }

    /// Returns true if another filter also has the first priority.
    fn attach_filter(&mut self, interface: &Interface, order: TcOrder) -> Result<bool, TaggerError> {
        /// Priorities range from 1 to 65535. If two filters have the same priority, the older one runs first.
        const FIRST: u16 = 1;
        const LAST: u16 = u16::MAX;
        let failed = |source| TaggerError::Program { interface: interface.name.clone(), source };
        let unlisted = |source| TaggerError::Filters { interface: interface.name.clone(), source };
        let name = interface.kernel_name().map_err(unlisted)?;
        let qdisc = match qdisc_add_clsact(&name) {
            Ok(()) => Some(Qdisc::added(interface.index)),
            Err(error) if is_there(&error) => None,
            Err(error) => return Err(failed(error.into())),
        };
        let filters = filters(interface.index).map_err(unlisted)?;
        for stale in filters.iter().filter(|filter| filter.is_ours()) {
            tracing::info!("removing the tc filter of a daemon that was killed");
            let (priority, handle) = (stale.priority, stale.handle);
            let link = SchedClassifierLink::attached(&name, TcAttachType::Ingress, priority, handle, None);
            link.map_err(unlisted)?.detach().map_err(failed)?;
        }
        let priority = match order {
            TcOrder::First => FIRST,
            TcOrder::Last => LAST,
        };
        let options = NlOptions { priority, handle: TcHandle::AUTO_ASSIGN, classid: None };
        let tag = self.tag().map_err(failed)?;
        let id = tag.attach_with_options(&name, TcAttachType::Ingress, TcAttachOptions::Netlink(options));
        let link = id.and_then(|id| tag.take_link(id)).map_err(failed)?;
        self.links.add(interface, Link::Filter(OwnFilter::new(link, interface.index, qdisc)));
        let mut others = filters.iter().filter(|filter| !filter.is_ours());
        Ok(order == TcOrder::First && others.any(|filter| filter.priority <= FIRST))
    }
}

/// Returns true if the qdisc could not be added because it exists already.
fn is_there(error: &TcError) -> bool {
    match error {
        TcError::AlreadyAttached => true,
        TcError::NetlinkError(error) => error.raw_os_error() == Some(nix::libc::EEXIST),
        _ => false,
    }
}

/// Returns true if the kernel does not support tcx (`link_create`, kernel/bpf/syscall.c).
fn is_unknown(error: &io::Error) -> bool {
    error.raw_os_error() == Some(EINVAL)
}
