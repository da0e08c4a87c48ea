//! Postgrey with Debian's lists, and a short delay.

use anyhow::Result;

use super::{Root, service::Service};

pub(super) const OWNER: u32 = 52_105;
/// Debian's default port.
const PORT: u16 = 10_023;

/// A running Postgrey. Dropping it kills it.
#[derive(Debug)]
pub struct Postgrey {
    service: Service,
}

impl Postgrey {
    /// Starts Postgrey. It accepts mail that is sent again after a second.
    pub fn start(root: &Root) -> Result<Self> {
        root.add_user("postgrey", OWNER)?;
        root.directory("/var/lib/postgrey", OWNER)?;
        for list in ["whitelist_clients", "whitelist_recipients"] {
            // The package's installation does the same.
            root.write(
                &format!("/etc/postgrey/{list}"),
                &root.read(&format!("/usr/share/postgrey/{list}"))?,
            )?;
        }
        let listen = format!("--inet=127.0.0.1:{PORT}");
        let service = Service::start(root, OWNER, PORT, &["postgrey", &listen, "--delay=1", "--verbose"])?;
        Ok(Self { service })
    }

    /// Its log up to now.
    pub fn log(&self) -> String {
        self.service.output()
    }
}
