//! HTTP: the metrics, the published list, and the daemon's health and readiness.
//!
//! This module only reads. It knows a [`SnapshotSource`](crate::snapshot::SnapshotSource) and a
//! [`Readiness`], not the kernel. No client may stop the daemon or keep it from stopping.

mod accept;
mod access;
mod endpoints;
mod health;
mod hosts;
mod listen;
mod ranges;
mod readiness;
mod router;
mod serve;
mod unix;
mod web_config;

pub use access::Access;
pub use endpoints::Endpoints;
pub use health::Failures;
pub use hosts::Hosts;
pub use listen::Listeners;
pub use readiness::Readiness;
pub use serve::{GRACE, serve};
pub use web_config::{
    Exposure, FormatError, Problem, Remark, WebConfig, WebConfigError, exposure, follow, warn_of_exposure,
};

#[cfg(test)]
mod tests;
