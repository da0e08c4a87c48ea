//! swaks, the Swiss army knife for SMTP: a sender that is not ours.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Result, ensure};

use super::Root;

/// Sends one mail with this subject and a header field of the test's own, from an address of the root's network. That the server takes it is
/// seen to.
pub fn swaks(root: &Root, from: IpAddr, server: SocketAddr, subject: &str, field: &str) -> Result<()> {
    let (interface, host, port) = (from.to_string(), server.ip().to_string(), server.port().to_string());
    let subject = format!("Subject: {subject}");
    let family = if from.is_ipv6() { "-6" } else { "-4" };
    let session = root.run(
        "swaks",
        &[
            family,
            "--server",
            &host,
            "--port",
            &port,
            "--local-interface",
            &interface,
            "--helo",
            "sender.example",
            "--from",
            "sender@sender.example",
            "--to",
            "recipient@mx.example",
            "--header",
            &subject,
            "--add-header",
            field,
        ],
    )?;
    ensure!(session.contains("queued as"), "swaks: {session}");
    Ok(())
}
