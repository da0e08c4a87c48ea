//! The parts of a machine that only some tests need.

use super::root::Root;

/// The equipment of a machine.
#[derive(Clone, Debug)]
pub(super) enum Equipment {
    None,
    /// A disk with this root. The first process is systemd.
    Root(Root),
    /// This network card, and a far end.
    Card(&'static str),
}

impl Equipment {
    /// The end of the machine's name.
    pub(super) fn suffix(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Root(root) => format!("-{}", root.suite),
            Self::Card(card) => format!("-{card}"),
        }
    }

    /// The value of `D365_MACHINE`, by which the tests know for which of them the machine was made.
    pub(super) const fn purpose(&self) -> &'static str {
        match self {
            Self::None => "",
            Self::Root(_) => "systemd",
            Self::Card(_) => "nic",
        }
    }
}
