//! What the HTTP client's errors mean here.

use std::{error::Error, io};

use rustls::CertificateError;
use ureq::Timeout;

use super::{CertificateFault, Phase, Problem, resolver::Unresolved};

/// What went wrong before the body: in the look-up, the connection, the request, or the response's head.
pub(super) fn of_head(error: ureq::Error) -> Problem {
    match error {
        ureq::Error::Io(cause) => match rustls(&cause) {
            Some(error) => of_tls(error),
            None if is_broken(cause.kind()) => Problem::Reset(cause),
            None => Problem::Connect(cause),
        },
        ureq::Error::Rustls(error) => of_tls(&error),
        ureq::Error::Tls(message) => Problem::Tls(message.to_owned()),
        ureq::Error::Timeout(timeout) => Problem::Timeout(phase(timeout)),
        ureq::Error::ConnectProxyFailed(message) => Problem::Proxy(message),
        ureq::Error::Other(other) => match other.downcast::<Unresolved>() {
            Ok(unresolved) => Problem::Dns { host: unresolved.host, cause: unresolved.cause },
            Err(other) => Problem::Protocol(other.to_string()),
        },
        other => Problem::Protocol(other.to_string()),
    }
}

/// What went wrong within the body, after so many bytes of it.
pub(super) fn of_body(error: io::Error, received: u64) -> Problem {
    match ureq::Error::from(error) {
        ureq::Error::Io(cause) => match rustls(&cause) {
            Some(error) => of_tls(error),
            None => Problem::Truncated { received },
        },
        other => of_head(other),
    }
}

fn is_broken(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

/// The error of the TLS library that an error of a stream holds.
fn rustls(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|error| (error as &(dyn Error + 'static)).downcast_ref())
}

fn of_tls(error: &rustls::Error) -> Problem {
    let rustls::Error::InvalidCertificate(fault) = error else { return Problem::Tls(error.to_string()) };
    Problem::Certificate(match fault {
        // The second is what an authority gets that has a trusted one's name and not its key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => CertificateFault::Untrusted,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateFault::WrongName
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => CertificateFault::NotValidNow,
        other => CertificateFault::Other(other.to_string()),
    })
}

fn phase(timeout: Timeout) -> Phase {
    match timeout {
        Timeout::Resolve => Phase::Resolve,
        Timeout::Connect => Phase::Connect,
        Timeout::SendRequest | Timeout::RecvResponse => Phase::Response,
        Timeout::PerRead | Timeout::PerWrite => Phase::Stall,
        _ => Phase::Whole,
    }
}
