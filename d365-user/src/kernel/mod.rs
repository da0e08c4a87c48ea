//! The kernel stage: the only code that knows aya and netlink.
//!
//! It loads the object, publishes generations, attaches and detaches the program and reads counters.
//! It must never write a counter, edit a published trie in place, or replace somebody else's program.

mod attach;
mod counters;
mod interface;
mod load;
mod log;
mod maps;
mod prove;
mod requirements;

pub use attach::{AttachError, Attached};
pub use counters::{CounterError, Counters, InterfaceCounts};
pub use interface::{Interface, InterfaceError, Xdp};
pub use load::{Kernel, LoadError, Options};
pub use log::{PacketLog, PacketLogError};
pub use maps::{Proven, PublishError, Staged};
pub use prove::ProofError;
pub use requirements::{RequirementError, check, notes};

/// The kernel program that this daemon was built with.
pub static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/d365"));
