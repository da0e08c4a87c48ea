//! Surveys this machine and its interfaces, and returns plain data for `d365-user doctor` to judge.
//!
//! This module only reads. It loads only the smallest programs and maps that probe the kernel's features, and
//! closes them at once. It attaches, pins and sets nothing. A fact that cannot be read is an [`Unknown`],
//! never a guess.

mod drivers;
mod ethtool;
mod fact;
mod holders;
mod interface;
mod kind;
mod link;
mod machine;
mod netdev;
mod place;
mod programs;
mod tc;

pub use aya::util::KernelVersion;
pub use drivers::{DRIVERS, Driver, Release, driver, interrupting_driver, objection_to_native};
pub use ethtool::Offloads;
pub use fact::{Fact, Unknown};
pub use holders::Holders;
pub use interface::{InterfaceFacts, interfaces};
pub use kind::Kind;
pub use link::{LinkFacts, running_ethernet};
pub use machine::{Machine, machine};
pub use netdev::XdpFeatures;
pub use place::{Place, misplaced};
pub use programs::Program;
