//! The program that counts: an XDP program or a tc program, and its links.

use d365_tests::{daemon::DaemonOptions, lab::Lab, netns::Netns, require::Requirement};
use d365_user::kernel::Interface;

use crate::steps::has_tc;

/// Before it, a filter holds the tc program, and marks pause over a restart.
pub(super) const TCX: Requirement = Requirement::Kernel(6, 6, "tcx");

/// The program that counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Xdp,
    Tc,
}

impl Mode {
    /// The value of `--mode`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Xdp => "native",
            Self::Tc => "tc",
        }
    }

    /// The roles of the daemon's links.
    pub(super) fn roles(self) -> &'static [&'static str] {
        match self {
            Self::Tc => &["tc-first"],
            Self::Xdp if TCX.is_met() => &["xdp", "tcx-first"],
            Self::Xdp => &["xdp"],
        }
    }

    /// True if the program is on this interface of the host. The thread is inside the host.
    pub(super) fn is_on(self, interface: &Interface, host: &Netns) -> bool {
        match self {
            Self::Xdp => interface.xdp().unwrap().is_some(),
            Self::Tc => has_tc(host, &interface.name),
        }
    }
}

/// The options of a daemon that counts, and marks where a link holds the tc program.
pub(super) fn options(lab: &Lab, mode: &str) -> DaemonOptions {
    let options = DaemonOptions::on(&[lab.iface()]).args(["--mode", mode, "--lease", "never"]);
    if TCX.is_met() { options.args(["--tag", "mark"]) } else { options }
}
