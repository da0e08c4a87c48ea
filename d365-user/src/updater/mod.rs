//! Keeps the published list current while the daemon runs. Readings of the sources, time, and the operator's
//! approvals go through the gates. The updater publishes the accepted list, keeps it trusted for a lease, and
//! saves the gates.
//!
//! One thread handles one event after another. It is the only owner of the kernel object once that is loaded.
//! If a step fails, the published generation stays, the failure is counted and logged, and the step is tried
//! again. The updater must not wait for a source: each source has a thread of its own ([`feed`]).

pub(crate) mod clock;
mod copies;
mod error;
mod event;
mod event_loop;
mod exports;
mod failure;
mod feed;
mod keep;
mod lease;
mod prepare;
mod publication;
mod publish;
mod reading;
mod renamed;
mod renew;
mod report;
mod sources;
mod tally;
mod write_copies;

pub use error::PrepareError;
pub(crate) use event::Event;
pub(crate) use event_loop::Updater;
pub use failure::Failure;
pub(crate) use prepare::{Prepared, prepare};
pub(crate) use publish::publish_generation;
pub(crate) use report::summary;
