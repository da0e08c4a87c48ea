//! Attaches the programs of one interface, at a start and again later, and logs their limits.

use tracing::span::EnteredSpan;

use crate::{
    config::Config,
    kernel::{AttachError, Attached, Header, Inherited, Interface, Kernel, Stack, TcHold, TcProgram, TcRole},
    settings::{ModePolicy, TcOrder},
    snapshot::Mode,
};

/// The programs of one interface. Both are `None` for an interface that does not exist yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Programs {
    pub(crate) attached: Option<Attached>,
    /// The tc program that marks. `None` if packets are not marked, if the program that counts marks them
    /// too, or if it was not attached.
    pub(crate) tagger: Option<TcProgram>,
}

/// The operator's choices for the programs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice {
    mode: ModePolicy,
    order: TcOrder,
    is_marking: bool,
}

impl Choice {
    pub(crate) fn new(config: &Config) -> Self {
        Self { mode: config.mode, order: config.tags.order, is_marking: config.tags.mark.is_some() }
    }

    /// Fails if the modes that are allowed cannot be had on the interface, as far as it shows without an
    /// attachment.
    ///
    /// # Errors
    /// [`AttachError`].
    pub(crate) fn require_fit(
        self,
        interface: &Interface,
        stack: &Stack,
        inherited: &Inherited,
    ) -> Result<(), AttachError> {
        match self.mode {
            // Another owner's XDP program leaves room for a tc program.
            ModePolicy::Auto | ModePolicy::Tc => {}
            ModePolicy::Native | ModePolicy::Generic => {
                interface.require_frames()?;
                Kernel::require_free(interface, inherited)?;
                Kernel::require_free_above(interface, stack, inherited)?;
            }
        }
        Ok(())
    }

    /// Loads the tc programs that these interfaces need in any case.
    ///
    /// # Errors
    /// [`AttachError::Load`].
    pub(crate) fn load(self, kernel: &mut Kernel, interfaces: &[Interface]) -> Result<(), AttachError> {
        let failed = |error| AttachError::Load(Box::new(error));
        match self.mode {
            ModePolicy::Tc => {
                let mut headers = interfaces.iter().filter_map(|interface| interface.header().ok());
                headers.try_for_each(|header| kernel.load_tc(TcRole::All, header)).map_err(failed)
            }
            _ if self.is_marking => kernel.load_tc(TcRole::Mark, Header::Ethernet).map_err(failed),
            _ => Ok(()),
        }
    }

    /// Returns true if an XDP program may be attached to the interface now.
    pub(crate) fn takes_xdp(self, interface: &Interface, inherited: &Inherited) -> bool {
        let is_free = || Kernel::require_free(interface, &Inherited::default()).is_ok();
        let stays_in_tc = self.mode == ModePolicy::Auto && inherited.counts_by_tc(interface.index);
        self.mode != ModePolicy::Tc && !stays_in_tc && interface.require_frames().is_ok() && is_free()
    }

    /// Attaches the program that counts, or replaces the program of an earlier daemon.
    ///
    /// # Errors
    /// [`AttachError`]; the interface is then unchanged.
    pub(crate) fn counter(
        self,
        kernel: &mut Kernel,
        interface: &Interface,
        inherited: &mut Inherited,
    ) -> Result<Attached, AttachError> {
        let _span = span(interface);
        let attached = kernel.attach(interface, self.mode, self.order, inherited)?;
        log_attachment_warnings(&attached);
        Ok(attached)
    }

    /// Attaches the tc program that marks, or replaces the program of an earlier daemon. Returns `None` if
    /// packets are not marked, or if the program that counts marks them.
    ///
    /// # Errors
    /// [`AttachError::Tc`]; the interface is then unchanged.
    pub(crate) fn tagger(
        self,
        kernel: &mut Kernel,
        attached: &Attached,
        inherited: &mut Inherited,
    ) -> Result<Option<TcProgram>, AttachError> {
        if !self.is_marking || attached.mode == Mode::Tc {
            return Ok(None);
        }
        let _span = span(&attached.interface);
        let tagger = kernel.attach_tagger(&attached.interface, self.order, inherited)?;
        log_tc_warnings(&tagger);
        Ok(Some(tagger))
    }
}

/// The lines about attaching to an interface name it.
fn span(interface: &Interface) -> EnteredSpan {
    tracing::error_span!("attach", iface = interface.name).entered()
}

/// Logs the limits of a tc program.
fn log_tc_warnings(tc: &TcProgram) {
    if tc.hold == TcHold::Clsact {
        tracing::info!(
            "the tc program is held by a clsact filter, for this kernel has no tcx (6.6): each restart detaches it for a moment; \
             if the daemon is killed it stays, tags and drops nothing after the lease has expired, and the next start removes it; that \
             start removes the filter of another d365-user on the interface too"
        );
    }
    if tc.is_preceded {
        tracing::warn!(
            command = format!("tc filter show dev {} ingress", tc.interface.name),
            "another tc filter has the first priority too and runs before the daemon's; it may keep packets from it; the command \
             shows it"
        );
    }
}

/// Logs the limits of an attachment: tc as a fallback, or tc programs that generic mode blinds.
fn log_attachment_warnings(attached: &Attached) {
    attached.tc().into_iter().for_each(log_tc_warnings);
    if let Some(reason) = &attached.fallback {
        tracing::warn!(
            reason,
            "attached by tc in place of native XDP, which works and costs more; --mode tc asks for it, --mode native fails \
             instead"
        );
    }
    if !attached.rivals.is_empty() {
        tracing::warn!(
            programs = attached.rivals.join(", "),
            "other d365-users count on this interface too, and each tags and drops by its own list; `d365-user detach` removes \
             the programs that --keep-attached has left"
        );
    }
    if !attached.hidden_from.is_empty() {
        tracing::warn!(
            programs = attached.hidden_from.join(", "),
            "in generic mode this kernel hides the Ethernet header from tc: these read packets at a wrong offset, and do not \
             match what they should, or send them on without it; native mode leaves them as they are"
        );
    }
}
