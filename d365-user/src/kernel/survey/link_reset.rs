//! Drivers that stop their queues or reset the link when the first XDP program is attached or the last one is
//! detached.
//! docs/operate.md has the same list, with the consequences.

use super::ethtool;
use crate::kernel::interface::Interface;

/// The drivers' names, as `ethtool -i` shows them. Linux's functions that do it: `ixgbe_xdp_setup`,
/// `i40e_xdp_setup`, `ice_xdp_setup_prog`, `igb_xdp_setup`, `igc_xdp_set_prog`, `mlx5e_xdp_set` and
/// `bnxt_xdp_set`. All of them exchange one program for another without a reset.
const DRIVERS: [&str; 7] = ["ixgbe", "i40e", "ice", "igb", "igc", "mlx5_core", "bnxt_en"];

/// Returns true if a driver of this name is known to do so.
#[must_use]
pub fn resets_link(driver: &str) -> bool {
    DRIVERS.contains(&driver)
}

/// The interface's driver, if it is known to do so.
#[must_use]
pub fn resetting_driver(interface: &Interface) -> Option<String> {
    let driver = ethtool::driver(&interface.kernel_name().ok()?).ok()?;
    resets_link(&driver).then_some(driver)
}
