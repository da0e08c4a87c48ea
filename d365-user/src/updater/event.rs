//! The events that the updater handles, one after another.

use std::time::Duration;

use tokio::sync::oneshot;

use super::feed::ReadResult;

/// Time between two ticks. At each tick the gates get the time, and the updater looks for an approval.
pub(super) const TICK: Duration = Duration::from_secs(1);

/// An event for the updater.
pub(crate) enum Event {
    /// A source was read.
    Read(Box<ReadResult>),
    /// An interface was lost or has returned, or this host's addresses have changed.
    Interfaces,
    /// Every source is to be read again. The sender is dropped when each was read.
    Reload(oneshot::Sender<()>),
    /// The service manager waits for a sign of life.
    Watchdog,
    /// The daemon stops.
    Stop,
}
