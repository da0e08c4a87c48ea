//! Maps the errors of the HTTP client to the problems of a download.

use std::{error::Error, io};

use rustls::{AlertDescription, PeerIncompatible};
use ureq::Timeout;

use super::{Problem, certificate, resolver::Unresolved};

/// Maps an error before the body: in the look-up, the connection, the request, or the response's head.
/// `proxy` is the host and the port of the proxy for this connection.
pub(super) fn map_request_error(error: ureq::Error, proxy: Option<&str>) -> Problem {
    match error {
        ureq::Error::Io(cause) => match (rustls(&cause), proxy) {
            (Some(error), _) => of_tls(error),
            (None, _) if is_broken(cause.kind()) => Problem::Reset(cause),
            (None, Some(proxy)) => Problem::Proxy(format!(
                "cannot connect to the proxy {proxy}: {cause}; check HTTPS_PROXY and NO_PROXY"
            )),
            (None, None) => Problem::Connect(cause),
        },
        ureq::Error::Rustls(error) => of_tls(&error),
        ureq::Error::Tls(message) => Problem::Tls(message.to_owned()),
        ureq::Error::Timeout(timeout) => Problem::Timeout(step(timeout)),
        ureq::Error::ConnectProxyFailed(message) => of_proxy(proxy.unwrap_or_default(), &message),
        // The messages of these errors contain the whole URL.
        ureq::Error::BadUri(_) | ureq::Error::RequireHttpsOnly(_) => {
            Problem::Protocol("the URL cannot be asked for".to_owned())
        }
        ureq::Error::Other(other) => match other.downcast::<Unresolved>() {
            Ok(unresolved) => Problem::Dns { host: unresolved.host, cause: unresolved.cause },
            Err(other) => Problem::Protocol(other.to_string()),
        },
        other => Problem::Protocol(other.to_string()),
    }
}

/// Maps an error within the body, after `received` bytes of it.
pub(super) fn of_body(error: io::Error, received: u64) -> Problem {
    match ureq::Error::from(error) {
        ureq::Error::Io(cause) => match rustls(&cause) {
            Some(error) => of_tls(error),
            None => Problem::Truncated { received },
        },
        other => map_request_error(other, None),
    }
}

fn is_broken(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

/// Returns the TLS library's error inside an error of a stream.
fn rustls(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|error| (error as &(dyn Error + 'static)).downcast_ref())
}

fn of_tls(error: &rustls::Error) -> Problem {
    use rustls::Error::{AlertReceived, InappropriateMessage, InvalidCertificate, InvalidMessage};
    let words = match error {
        InvalidCertificate(fault) => return Problem::Certificate(certificate::words(fault)),
        InvalidMessage(rustls::InvalidMessage::InvalidContentType) => {
            "the answer is not TLS, but plain HTTP perhaps; check the port"
        }
        InvalidMessage(_) | InappropriateMessage { .. } => {
            return Problem::Tls(format!("the answer breaks the rules of TLS ({error}); check the port"));
        }
        AlertReceived(AlertDescription::ProtocolVersion)
        | rustls::Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13) => {
            "the server takes neither TLS 1.2 nor TLS 1.3"
        }
        AlertReceived(AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity)
        | rustls::Error::PeerIncompatible(_) => {
            "the server finds nothing in common with this host: TLS 1.2 or 1.3, with ECDHE and AES-GCM or ChaCha20"
        }
        AlertReceived(AlertDescription::UnrecognisedName) => {
            "the server has no site of this name; check the URL"
        }
        AlertReceived(AlertDescription::CertificateRequired | AlertDescription::BadCertificate) => {
            "the server asks for a certificate of the client, which is not supported"
        }
        AlertReceived(other) => {
            return Problem::Tls(format!("the server ends the handshake with the alert {other:?}"));
        }
        other => return Problem::Tls(other.to_string()),
    };
    Problem::Tls(words.to_owned())
}

/// Returns the problem behind a proxy's answer, such as `proxy server responded 407/407`.
fn of_proxy(proxy: &str, message: &str) -> Problem {
    let status = message.rsplit(['/', ' ']).next().filter(|status| status.parse::<u16>().is_ok());
    if status == Some("407") {
        return Problem::Proxy(format!(
            "the proxy {proxy} asks for a user and a password (status 407); give them in HTTPS_PROXY, as \
             http://USER:PASSWORD@{proxy}"
        ));
    }
    let answer = status.map_or_else(|| message.to_owned(), |status| format!("status {status}"));
    Problem::Proxy(format!(
        "the proxy {proxy} refuses the connection ({answer}); allow the host there, or name it in NO_PROXY"
    ))
}

/// Names the step in which a time limit was reached.
pub(super) const fn step(timeout: Timeout) -> &'static str {
    match timeout {
        Timeout::Resolve => "while the host's address was looked up; check the name server",
        Timeout::Connect => "while connecting; check the firewall and HTTPS_PROXY",
        Timeout::SendRequest | Timeout::RecvResponse => "before an answer came",
        Timeout::PerRead | Timeout::PerWrite => "while nothing came",
        _ => "before the download was whole",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(error: &rustls::Error) -> String {
        of_tls(error).to_string()
    }

    #[test]
    fn faults_of_tls_have_messages() {
        let plain = tls(&rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType));
        assert_eq!(plain, "TLS: the answer is not TLS, but plain HTTP perhaps; check the port");
        let old = tls(&rustls::Error::AlertReceived(AlertDescription::ProtocolVersion));
        assert_eq!(old, "TLS: the server takes neither TLS 1.2 nor TLS 1.3");
        let client = tls(&rustls::Error::AlertReceived(AlertDescription::CertificateRequired));
        assert!(client.contains("certificate of the client"), "{client}");
    }

    #[test]
    fn a_proxys_answer_has_a_message_with_the_next_step() {
        let message = |message: &str| of_proxy("proxy.example:3128", message).to_string();
        let login = message("proxy server responded 407/407");
        assert!(login.starts_with("the proxy proxy.example:3128 asks for a user and a password"), "{login}");
        assert!(message("proxy server responded 403/403").contains("(status 403)"));
        assert!(message("proxy server did not respond").contains("(proxy server did not respond)"));
    }

    #[test]
    fn no_message_of_the_client_has_the_url() {
        let url = || "https://a.example/?s3cret".to_owned();
        for error in [ureq::Error::BadUri(url()), ureq::Error::RequireHttpsOnly(url())] {
            assert!(!map_request_error(error, None).to_string().contains("s3cret"));
        }
    }
}
