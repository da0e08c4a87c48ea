//! The list stays true while the daemon runs: sources, the gate, publishing, the lease, restarts.

mod azure;
mod capacity;
mod downloads;
mod faults;
mod files;
mod gate;
mod lease;
mod lease_by_source;
mod page;
mod restarts;
pub(crate) mod site;
mod tokens;
mod walk;
