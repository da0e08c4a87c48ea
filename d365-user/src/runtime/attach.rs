//! Attaches the programs of one interface, at a start and again later, and logs their limits.

use tracing::span::EnteredSpan;

use crate::{
    config::Config,
    kernel::{AttachError, Attached, Inherited, Interface, Kernel, Tagger, TcHold},
    settings::{ModePolicy, TcOrder},
};

/// The programs of one interface. Both are `None` for an interface that does not exist yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Programs {
    pub(crate) attached: Option<Attached>,
    /// `None` if packets are not marked, or if the tc program was not attached.
    pub(crate) tagger: Option<Tagger>,
}

/// The operator's choices for the programs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice {
    mode: ModePolicy,
    /// `None` if packets are not marked.
    order: Option<TcOrder>,
}

impl Choice {
    pub(crate) fn new(config: &Config) -> Self {
        Self { mode: config.mode, order: config.tags.mark.map(|_| config.tags.order) }
    }

    /// Attaches the XDP program, or replaces the program of an earlier daemon.
    ///
    /// # Errors
    /// [`AttachError`]; the interface is then unchanged.
    pub(crate) fn xdp(
        self,
        kernel: &mut Kernel,
        interface: &Interface,
        inherited: &mut Inherited,
    ) -> Result<Attached, AttachError> {
        let _span = span(interface);
        let attached = kernel.attach(interface, self.mode, inherited)?;
        log_attachment_warnings(&attached);
        Ok(attached)
    }

    /// Attaches the tc program, or replaces the program of an earlier daemon. Returns `None` if packets are
    /// not marked.
    ///
    /// # Errors
    /// [`AttachError::Tagger`]; the interface is then unchanged.
    pub(crate) fn tagger(
        self,
        kernel: &mut Kernel,
        interface: &Interface,
        inherited: &mut Inherited,
    ) -> Result<Option<Tagger>, AttachError> {
        let Some(order) = self.order else { return Ok(None) };
        let _span = span(interface);
        let tagger = kernel.attach_tagger(interface, order, inherited)?;
        log_tagger_warnings(&tagger);
        Ok(Some(tagger))
    }
}

/// The lines about attaching to an interface name it.
fn span(interface: &Interface) -> EnteredSpan {
    tracing::error_span!("attach", iface = interface.name).entered()
}

/// Logs the limits of a tc program.
fn log_tagger_warnings(tagger: &Tagger) {
    if tagger.hold == TcHold::Clsact {
        tracing::info!(
            "the tc program is held by a clsact filter, for this kernel has no tcx (6.6): if the daemon is killed it stays, \
             marks nothing after the lease has expired, and the next start removes it"
        );
    }
    if tagger.is_preceded {
        tracing::warn!(
            command = format!("tc filter show dev {} ingress", tagger.interface.name),
            "another tc filter has the first priority too and runs before the one that marks; it may keep packets from it; \
             the command shows it"
        );
    }
}

/// Logs the limits of an attachment: generic mode as a fallback, tc programs that it blinds, or no BPF link.
fn log_attachment_warnings(attached: &Attached) {
    if let Some(error) = &attached.fallback {
        tracing::warn!(
            %error,
            "native mode refused: attached in generic mode, which works and costs more; --mode generic asks for it, \
             --mode native fails instead"
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
