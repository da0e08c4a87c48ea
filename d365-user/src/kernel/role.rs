//! The roles of the daemon's programs on an interface, and the names of their links in the store. Nothing
//! here calls the kernel.

use d365_common::names;

use super::link_layer::Header;
use crate::settings::TcOrder;

/// The role of a program on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// An XDP program, which counts packets.
    Xdp,
    /// A tc program at this place among others.
    Tc(TcRole, TcOrder),
}

/// The role of a tc program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcRole {
    /// It sets the mark. An XDP program counts the packets.
    Mark,
    /// It counts packets, and does all that the XDP program and the one for the mark do.
    All,
}

impl Role {
    const ALL: [Self; 5] = [
        Self::Xdp,
        Self::Tc(TcRole::Mark, TcOrder::First),
        Self::Tc(TcRole::Mark, TcOrder::Last),
        Self::Tc(TcRole::All, TcOrder::First),
        Self::Tc(TcRole::All, TcOrder::Last),
    ];

    /// The name of its link in the store. A link keeps its place among the others, so the place is in it.
    pub(super) fn name(self, ifindex: u32) -> String {
        let role = match self {
            Self::Xdp => "xdp",
            Self::Tc(TcRole::Mark, TcOrder::First) => "tcx-first",
            Self::Tc(TcRole::Mark, TcOrder::Last) => "tcx-last",
            Self::Tc(TcRole::All, TcOrder::First) => "tc-first",
            Self::Tc(TcRole::All, TcOrder::Last) => "tc-last",
        };
        format!("{role}-{ifindex}")
    }

    /// The role of the link with this name, if it is one of an interface.
    pub(super) fn of(name: &str, ifindex: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name(ifindex) == name)
    }

    pub(super) fn is_tc(self) -> bool {
        self != Self::Xdp
    }

    /// True if its program counts packets.
    pub(super) fn counts(self) -> bool {
        !matches!(self, Self::Tc(TcRole::Mark, _))
    }
}

impl TcRole {
    /// The program with this role for packets that begin with this header.
    pub(super) fn program(self, header: Header) -> &'static str {
        match (self, header) {
            (Self::Mark, _) => names::PROGRAM_TAG,
            (Self::All, Header::Ethernet) => names::PROGRAM_TC,
            (Self::All, Header::Ip) => names::PROGRAM_TC_L3,
        }
    }
}

/// Returns true if a program of this name is a d365-user's.
pub(super) fn is_own(name: &str) -> bool {
    is_own_counter(name) || name == names::PROGRAM_TAG
}

/// Returns true if a program of this name is one of a d365-user's that count packets.
pub(super) fn is_own_counter(name: &str) -> bool {
    names::PROGRAMS.contains(&name) || [names::PROGRAM_TC, names::PROGRAM_TC_L3].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_role() {
        for role in Role::ALL {
            assert_eq!(Role::of(&role.name(7), 7), Some(role));
            assert_eq!(Role::of(&role.name(7), 8), None);
        }
        assert_eq!(Role::of("tcx-7", 7), None);
    }
}
