//! The kernel program's log records, for `--log-packets`. aya-log reads them and writes them to the daemon's
//! log.

use aya_log::EbpfLogger;
use tokio::io::{Interest, unix::AsyncFd};

use super::object::Kernel;

/// The reader of log records cannot be created.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the log records of --log-packets: {0}")]
pub struct PacketLogError(#[from] aya_log::Error);

/// The reader of log records.
pub struct PacketLog(EbpfLogger<&'static dyn log::Log>);

impl Kernel {
    /// Takes the reader of log records.
    ///
    /// # Errors
    /// [`PacketLogError`] if the object has no ring buffer for them.
    pub fn packet_log(&mut self) -> Result<PacketLog, PacketLogError> {
        Ok(PacketLog(EbpfLogger::init(&mut self.ebpf)?))
    }
}

impl PacketLog {
    /// Writes records to the log as they arrive. Ends only with an error.
    ///
    /// # Errors
    /// The I/O error if the ring buffer cannot be polled.
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
