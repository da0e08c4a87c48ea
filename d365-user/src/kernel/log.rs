//! The kernel program's log records, for `--log-packets`: read by aya-log, written by the daemon's log.

use aya_log::EbpfLogger;
use tokio::io::{Interest, unix::AsyncFd};

use super::load::Kernel;

/// Why there is no reader of the records.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the log records of --log-packets: {0}")]
pub struct PacketLogError(#[from] aya_log::Error);

/// The reader of the records.
pub struct PacketLog(EbpfLogger<&'static dyn log::Log>);

impl Kernel {
    /// Takes the reader of log records.
    ///
    /// # Errors
    /// [`PacketLogError`] when the object has no ring buffer for them.
    pub fn packet_log(&mut self) -> Result<PacketLog, PacketLogError> {
        Ok(PacketLog(EbpfLogger::init(&mut self.ebpf)?))
    }
}

impl PacketLog {
    /// Writes records to the log as they come, for ever.
    ///
    /// # Errors
    /// When the ring buffer cannot be waited for.
    pub async fn forward(self) -> std::io::Result<std::convert::Infallible> {
        // SAFETY: the reader owns its descriptor, keeps it open and never changes it while it lives.
        let mut records = unsafe { AsyncFd::register_with_interest(self.0, Interest::READABLE)? };
        loop {
            let mut ready = records.readable_mut().await?;
            ready.get_inner_mut().flush();
            ready.clear_ready();
        }
    }
}
