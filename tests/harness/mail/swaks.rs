//! swaks, the Swiss army knife for SMTP: a sender that is not ours.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Result, ensure};

use super::Root;

/// The server's answer to a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It is queued.
    Accepted,
    /// "Not now", as greylisting says it: the line of the server.
    Deferred(String),
}

/// Sends one mail with this subject and a header field of the test's own, from an address of the root's
/// network. A refusal for good, or none to talk to, is an error.
pub fn swaks(root: &Root, from: IpAddr, server: SocketAddr, subject: &str, field: &str) -> Result<Reply> {
    let (interface, host, port) = (from.to_string(), server.ip().to_string(), server.port().to_string());
    let header = format!("Subject: {subject}");
    let family = if from.is_ipv6() { "-6" } else { "-4" };
    // Its exit status says no more than the session does, which is on standard output.
    let session = root.run(
        "sh",
        &[
            "-c",
            "\"$@\" 2>&1 || :",
            "sh",
            "swaks",
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
            &header,
            "--add-header",
            field,
            // Rspamd knows a text again.
            "--body",
            subject,
        ],
    )?;
    if let Some((_, refusal)) = session.lines().find_map(|line| line.split_once("<** ")) {
        ensure!(refusal.starts_with('4'), "the server refuses the mail: {refusal}");
        return Ok(Reply::Deferred(refusal.to_owned()));
    }
    ensure!(session.contains("queued as"), "swaks: {session}");
    Ok(Reply::Accepted)
}
