//! Redis, in which Rspamd stores the data of its greylisting.

use anyhow::Result;

use super::{Root, service::Service};

pub(super) const OWNER: u32 = 52_106;
/// The port that Rspamd expects it on.
const PORT: u16 = 6379;

/// A running Redis. Dropping it kills it.
#[derive(Debug)]
pub struct Redis {
    _service: Service,
}

impl Redis {
    /// Starts Redis, which keeps all data in memory.
    pub fn start(root: &Root) -> Result<Self> {
        let memory =
            ["redis-server", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", "/tmp"];
        Ok(Self { _service: Service::start(root, OWNER, PORT, &memory)? })
    }
}
