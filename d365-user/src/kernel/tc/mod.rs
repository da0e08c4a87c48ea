//! Attaches the tc program to interfaces: by a tcx link (Linux 6.6), or as a filter of a `clsact` qdisc before that.
//!
//! Nobody else's program is ever detached or replaced. Ours stands before the others, or behind them, and hands every
//! packet on to those that come after it.

mod clsact;
mod filter;

use std::io;

use aya::programs::{
    LinkOrder, ProgramError, ProgramInfo, SchedClassifier, TcAttachType,
    links::Link as _,
    tc::{NlOptions, SchedClassifierLink, TcAttachOptions, TcError, TcHandle, qdisc_add_clsact},
};
use nix::libc::{EINVAL, EOPNOTSUPP};

pub(super) use self::{
    clsact::{Qdisc, filters},
    filter::Filter,
};
use super::{chain, fdinfo::holds_link, interface::Interface, links::Link, load::Kernel};
use crate::config::TcOrder;

/// By what the tc program is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcHold {
    /// A tcx link: the kernel detaches it when the daemon ends.
    Tcx,
    /// A filter: it outlives a daemon that is killed, and tags nothing once the lease has run out.
    Clsact,
}

/// The tc program on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagger {
    /// The interface.
    pub interface: Interface,
    /// What holds it.
    pub hold: TcHold,
    /// Whether another filter has the first priority too and may run before ours.
    pub is_preceded: bool,
    program: u32,
}

/// Why the tc program is not on the interface.
#[derive(Debug, thiserror::Error)]
pub enum TaggerError {
    /// The kernel refused.
    #[error(
        "cannot attach the tc program that marks packets to {interface}: {}; the kernel needs tcx (6.6), or clsact \
         (CONFIG_NET_CLS_ACT, modules sch_ingress and cls_bpf); without --tag mark none is needed",
        chain(.source)
    )]
    Program {
        /// The interface.
        interface: String,
        /// What aya or the kernel said.
        source: ProgramError,
    },
    /// The filters that are there cannot be listed.
    #[error("cannot list the tc filters of {interface}: {source}")]
    Filters {
        /// The interface.
        interface: String,
        /// What went wrong.
        source: io::Error,
    },
}

impl Tagger {
    /// Whether the tc program is still there. It has to be asked in the interface's network namespace.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn is_attached(&self) -> io::Result<bool> {
        match self.hold {
            TcHold::Tcx => holds_link(self.program, self.interface.index),
            TcHold::Clsact => {
                let filters = filters(self.interface.index)?;
                Ok(filters.iter().any(|filter| filter.program == Some(self.program)))
            }
        }
    }
}

impl Kernel {
    /// Attaches the program that marks to `interface`: by tcx, or where the kernel has none by a filter.
    ///
    /// # Errors
    /// [`TaggerError`]; the interface is then as it was.
    pub fn attach_tagger(&mut self, interface: &Interface, order: TcOrder) -> Result<Tagger, TaggerError> {
        match self.attach_tagger_by(TcHold::Tcx, interface, order) {
            Err(TaggerError::Program { source, .. }) if is_unknown(&source) => {
                self.attach_tagger_by(TcHold::Clsact, interface, order)
            }
            attached => attached,
        }
    }

    /// The same by this means and no other.
    ///
    /// # Errors
    /// As [`Kernel::attach_tagger`].
    pub fn attach_tagger_by(
        &mut self,
        hold: TcHold,
        interface: &Interface,
        order: TcOrder,
    ) -> Result<Tagger, TaggerError> {
        let failed = |source| TaggerError::Program { interface: interface.name.clone(), source };
        let program = self.tag().and_then(|tag| tag.info()).map_err(failed)?.id();
        let tagger = |is_preceded| Tagger { interface: interface.clone(), hold, is_preceded, program };
        match hold {
            TcHold::Tcx => {
                let order = match order {
                    TcOrder::First => LinkOrder::first(),
                    TcOrder::Last => LinkOrder::last(),
                };
                let tag = self.tag().map_err(failed)?;
                let link = attach(tag, interface, TcAttachOptions::TcxOrder(order)).map_err(failed)?;
                self.links.add(interface, Link::Tc(link, hold, None));
                Ok(tagger(false))
            }
            TcHold::Clsact => self.attach_filter(interface, order).map(tagger),
        }
    }

    /// Returns whether another filter has the first priority too.
    fn attach_filter(&mut self, interface: &Interface, order: TcOrder) -> Result<bool, TaggerError> {
        /// Priorities are from 1 to 65535; of two filters with one priority the older is the first.
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
            tracing::info!("{}: a tc filter of a daemon that was killed is taken away", interface.name);
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
        let link = attach(tag, interface, TcAttachOptions::Netlink(options)).map_err(failed)?;
        self.links.add(interface, Link::Tc(link, TcHold::Clsact, qdisc));
        let mut others = filters.iter().filter(|filter| !filter.is_ours());
        Ok(order == TcOrder::First && others.any(|filter| filter.priority <= FIRST))
    }
}

/// The tcx programs at an interface's ingress, in their order, each with its id and name; `None` where the kernel has no tcx.
pub(super) fn tcx(interface: &str) -> Result<Option<Vec<(u32, String)>>, ProgramError> {
    match SchedClassifier::query_tcx(interface, TcAttachType::Ingress) {
        Err(ProgramError::SyscallError(error))
            if matches!(error.io_error.raw_os_error(), Some(EINVAL | EOPNOTSUPP)) =>
        {
            Ok(None)
        }
        answer => {
            let name = |info: &ProgramInfo| String::from_utf8_lossy(info.name()).into_owned();
            Ok(Some(answer?.1.iter().map(|info| (info.id(), name(info))).collect()))
        }
    }
}

fn attach(
    program: &mut SchedClassifier,
    interface: &Interface,
    options: TcAttachOptions,
) -> Result<SchedClassifierLink, ProgramError> {
    let name = interface.kernel_name()?;
    let id = program.attach_with_options(&name, TcAttachType::Ingress, options)?;
    program.take_link(id)
}

/// Whether the qdisc could not be added because there is one.
fn is_there(error: &TcError) -> bool {
    match error {
        TcError::AlreadyAttached => true,
        TcError::NetlinkError(error) => error.raw_os_error() == Some(nix::libc::EEXIST),
        _ => false,
    }
}

/// Whether the kernel does not know tcx (`link_create`, kernel/bpf/syscall.c).
fn is_unknown(error: &ProgramError) -> bool {
    matches!(error, ProgramError::SyscallError(error) if error.io_error.raw_os_error() == Some(nix::libc::EINVAL))
}
