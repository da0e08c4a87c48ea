//! Postgrey with Debian's lists, and a short delay.

use anyhow::Result;

use super::{Root, Service};

pub(super) const OWNER: u32 = 52_105;
/// Debian's default port.
const PORT: u16 = 10_023;

/// Starts Postgrey. It accepts mail that is sent again after a second.
pub fn postgrey(root: &Root) -> Result<Service> {
    root.add_user("postgrey", OWNER)?;
    root.directory("/var/lib/postgrey", OWNER)?;
    for list in ["whitelist_clients", "whitelist_recipients"] {
        // The package's installation does the same.
        let text = root.read(&format!("/usr/share/postgrey/{list}"))?;
        root.write(&format!("/etc/postgrey/{list}"), &text)?;
    }
    let listen = format!("--inet=127.0.0.1:{PORT}");
    Service::listening(root, OWNER, PORT, &["postgrey", &listen, "--delay=1", "--verbose"])
}
