//! HTTP: the metrics, and the daemon's health and readiness.
//!
//! This module only reads. It knows a [`SnapshotSource`](crate::snapshot::SnapshotSource) and a
//! [`Readiness`], not the kernel. No client may stop the daemon or keep it from stopping.

mod accept;
mod endpoints;
mod health;
mod hosts;
mod listen;
mod readiness;
mod serve;

pub use endpoints::Endpoints;
pub use health::Failures;
pub use hosts::Hosts;
pub use listen::listen;
pub use readiness::Readiness;
pub use serve::{GRACE, serve};

#[cfg(test)]
mod tests;
