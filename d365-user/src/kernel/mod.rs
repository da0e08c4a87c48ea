//! The kernel stage: the only code that uses aya and netlink.
//!
//! It loads the kernel object, publishes generations, sets the leases, attaches and detaches the program,
//! hands descriptors over to the next daemon, reads counters and samples, and surveys the machine. It must
//! never write a counter in use, edit a published trie in place, or replace a program of another owner.

mod attach;
mod bpf;
mod buffers;
mod counters;
mod error;
mod generic;
mod inherited;
mod inspect;
mod interface;
mod interrupted;
mod lease;
mod link_events;
mod link_layer;
mod link_message;
mod links;
mod load;
mod memory;
mod netlink;
mod object;
mod objection;
mod packet_log;
mod publish;
mod requirements;
mod role;
mod samples;
mod shape;
mod stack;
mod store;
pub mod survey;
mod table;
mod tc;
mod tries;
mod verify;

pub use attach::{AttachError, Attached, Look};
pub use buffers::{Staged, Verified};
pub use counters::{Counters, InterfaceCounts};
pub use error::{LoadError, MapIndexError, PublishError, VerifyError};
pub use generic::{Other, Surroundings};
pub use inherited::Inherited;
pub use inspect::{AttachedProgram, InspectError, KernelRanges, inspect};
pub use interface::{Interface, InterfaceError, Xdp, distinct};
pub use lease::{LeaseError, Leases};
pub use link_events::{LinkEvents, Report};
pub use link_layer::Header;
pub use links::{DetachReason, Links};
pub use load::Options;
pub use object::{Kernel, OBJECT};
pub use objection::Objection;
pub use packet_log::{PacketLog, PacketLogError};
pub use requirements::{BTF, RequirementError, are_features_misjudged, check, has_btf};
pub use role::TcRole;
pub use samples::{Samples, SamplesError};
pub use stack::Stack;
pub use store::{Store, StoreError, detach};
pub use tc::{TcError, TcHold, TcProgram};
