//! swaks, the Swiss army knife for SMTP: a sender that is not part of this project.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Result, ensure};

use super::Root;

/// The server's answer to a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The mail is queued.
    Accepted,
    /// The server defers the mail, as greylisting does. Holds the server's line.
    Deferred(String),
}

/// Sends one mail with this subject and an additional header field from an address of the root's network. A
/// permanent rejection, or a server that cannot be reached, is an error.
pub fn swaks(root: &Root, from: IpAddr, server: SocketAddr, subject: &str, field: &str) -> Result<Reply> {
    let family = if from.is_ipv6() { "-6" } else { "-4" };
    let (host, port) = (server.ip(), server.port());
    let connection = format!("swaks {family} --server {host} --port {port} --local-interface {from}");
    let envelope = "--helo sender.example --from sender@sender.example --to recipient@mx.example";
    let header = format!("Subject: {subject}");
    // Rspamd recognises a repeated text.
    let content = ["--header", &header, "--add-header", field, "--body", subject];
    // The exit status adds nothing to the session, which is on standard output.
    let mut words = vec!["-c", "\"$@\" 2>&1 || :", "sh"];
    words.extend(connection.split(' ').chain(envelope.split(' ')).chain(content));
    let session = root.run("sh", &words)?;
    if let Some((_, refusal)) = session.lines().find_map(|line| line.split_once("<** ")) {
        ensure!(refusal.starts_with('4'), "the server refuses the mail: {refusal}");
        return Ok(Reply::Deferred(refusal.to_owned()));
    }
    ensure!(session.contains("queued as"), "swaks: {session}");
    Ok(Reply::Accepted)
}
