//! The state that daemon and updater share while they run: the data of snapshots, the watched interfaces, the
//! failsafe prefixes, and the samples of unlisted sources.

mod attach;
pub(crate) mod azure;
mod failsafe;
mod interface;
mod reattach;
mod state;
pub(crate) mod watch;

pub(crate) use attach::Choice;
pub(crate) use failsafe::Failsafe;
pub use failsafe::FailsafeError;
pub(crate) use interface::Seen;
pub(crate) use reattach::Reattach;

pub(crate) use state::State;
