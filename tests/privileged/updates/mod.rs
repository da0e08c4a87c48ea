//! The daemon keeps its list current while it runs: sources, the gate, publication, the lease, restarts.

mod azure;
mod capacity;
mod downloads;
mod exports;
mod faults;
mod files;
mod gate;
mod lease;
mod lease_by_source;
mod page;
mod promtool;
mod restarts;
pub(crate) mod site;
mod tokens;
mod walk;
