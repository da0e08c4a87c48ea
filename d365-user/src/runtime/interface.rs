//! One look at an interface: leaves it if it must be left, and finds what was lost.

use std::fmt;

use crate::{
    config::Interfaces,
    kernel::{Attached, DetachReason, InterfaceError, Links, Look},
};

/// The loss of a program on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// No interface has the name yet.
    Absent,
    /// The daemon left the interface.
    Left(DetachReason),
    /// Somebody else detached the program that counts.
    Detached,
    /// Somebody else detached the tc program that marks; packets are still counted.
    Unmarked,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("no interface has this name yet"),
            Self::Left(reason) => reason.fmt(f),
            Self::Detached | Self::Unmarked => f.write_str("detached by somebody else"),
        }
    }
}

/// An interface as it was at the last look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The name that the operator gave.
    pub(crate) name: String,
    /// The kernel's own name, if the operator gave that name and it has changed since.
    pub(crate) new_name: Option<String>,
    pub(crate) loss: Option<Loss>,
    /// The reason why the program could not be attached again.
    pub(crate) problem: Option<String>,
    /// Filters and tc programs that came later and cannot read an Ethernet header together with generic mode.
    pub(crate) blinded: Vec<String>,
}

impl Seen {
    /// An interface without a program.
    pub(super) fn lost(name: &str, loss: Loss) -> Self {
        Self { name: name.to_owned(), new_name: None, loss: Some(loss), problem: None, blinded: Vec::new() }
    }

    /// The patterns, while no interface has matched one.
    pub(super) fn unmatched(interfaces: &Interfaces) -> Self {
        let patterns: Vec<&str> = interfaces.texts().collect();
        let problem = "no interface that can be watched matches yet".to_owned();
        Self { problem: Some(problem), ..Self::lost(&patterns.join(","), Loss::Absent) }
    }
}

/// Looks at an interface and leaves it if it must be left. `is_reported_gone` is true if the kernel reported
/// that the interface is gone, even if another interface has its index by now. `is_marked` returns true if
/// the tc program is attached.
///
/// # Errors
/// The kernel does not answer. Nothing is detached then.
pub(crate) fn look(
    attached: &Attached,
    links: &Links,
    is_reported_gone: bool,
    is_marked: impl FnOnce() -> bool,
) -> Result<Seen, InterfaceError> {
    let interface = &attached.interface;
    let look = match attached.look() {
        Ok(look) => Some(look),
        Err(InterfaceError::NotFound { .. }) => None,
        Err(error) => return Err(error),
    };
    let mut blinded = Vec::new();
    if let Some(reason) = must_leave(look.as_ref(), is_reported_gone) {
        links.detach(interface, reason);
    } else if look.as_ref().is_some_and(|look| look.mode.is_some()) && links.left(interface).is_none() {
        let unfit;
        (unfit, blinded) = attached.around();
        if let Some((reason, error)) = unfit {
            tracing::error!(iface = interface.name, error, "the interface is left");
            links.detach(interface, reason);
        }
    }
    let loss = loss(links.left(interface), look.as_ref(), is_marked);
    // An interface that was left may have given its index to another one.
    let is_here = links.left(interface).is_none();
    let new_name = look.map(|look| look.name);
    let new_name = new_name.filter(|name| is_here && attached.is_by_own_name() && *name != interface.name);
    Ok(Seen { name: interface.name.clone(), new_name, loss, problem: None, blinded })
}

/// The reason for which an interface must be left, if any. `look` is `None` if the interface is not here.
fn must_leave(look: Option<&Look>, is_reported_gone: bool) -> Option<DetachReason> {
    (is_reported_gone || look.is_none()).then_some(DetachReason::Gone)
}

fn loss(left: Option<DetachReason>, look: Option<&Look>, is_marked: impl FnOnce() -> bool) -> Option<Loss> {
    match (left, look) {
        (Some(reason), _) => Some(Loss::Left(reason)),
        (None, Some(look)) if look.mode.is_some() => (!is_marked()).then_some(Loss::Unmarked),
        (None, _) => Some(Loss::Detached),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Mode;

    fn shown(is_attached: bool) -> Look {
        Look { name: "eth0".to_owned(), mode: is_attached.then_some(Mode::Tc) }
    }

    #[test]
    fn an_interface_that_is_not_here_is_left() {
        assert_eq!(must_leave(None, false), Some(DetachReason::Gone));
        assert_eq!(must_leave(Some(&shown(true)), false), None);
        assert_eq!(
            must_leave(Some(&shown(false)), false),
            None,
            "somebody else detached; there is nothing to leave"
        );
        assert_eq!(must_leave(Some(&shown(true)), true), Some(DetachReason::Gone), "it went and came back");
    }

    #[test]
    fn each_loss_has_its_own_reason() {
        let loss = |left, look: Option<&Look>, is_marked| super::loss(left, look, || is_marked);
        let gone = Some(DetachReason::Gone);
        assert_eq!(loss(None, Some(&shown(true)), true), None);
        assert_eq!(loss(None, Some(&shown(true)), false), Some(Loss::Unmarked));
        assert_eq!(loss(None, Some(&shown(false)), true), Some(Loss::Detached));
        assert_eq!(loss(gone, None, false), Some(Loss::Left(DetachReason::Gone)));
        assert_eq!(loss(gone, Some(&shown(false)), false), Some(Loss::Left(DetachReason::Gone)));
        for unfit in [DetachReason::Header, DetachReason::SeenTwice] {
            assert_eq!(loss(Some(unfit), Some(&shown(true)), true), Some(Loss::Left(unfit)));
        }
    }
}
