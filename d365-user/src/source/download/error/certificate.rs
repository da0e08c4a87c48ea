//! Faults of a server's certificate, in words for the operator who has to fix them.

use std::{
    fmt::Display,
    time::{Duration, SystemTime},
};

use rustls::{CertificateError, pki_types::UnixTime};

/// A fault of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// No trusted authority has signed it.
    #[error(
        "no authority that this host trusts has signed it; a proxy's or mirror's own goes into the system's store"
    )]
    Untrusted,
    /// It is for another host.
    #[error("it is not for the name of this host; {}", of_names(names))]
    WrongName {
        /// The names in the certificate.
        names: Vec<String>,
    },
    /// It has expired.
    #[error("it expired{}; have it renewed, or check this host's clock", at(*end))]
    Expired {
        /// The end of its validity.
        end: Option<SystemTime>,
    },
    /// It is not valid yet.
    #[error("it is not valid yet{}; check this host's clock", at(*start))]
    NotYetValid {
        /// The start of its validity.
        start: Option<SystemTime>,
    },
    /// It, or a certificate that it depends on, breaks a rule for certificates.
    #[error("{0}")]
    Unfit(&'static str),
    /// Any other fault, in the words of the TLS library.
    #[error("the TLS library refuses it: {0}; have a certificate of a usual kind issued")]
    Other(String),
}

impl From<&CertificateError> for CertificateFault {
    fn from(error: &CertificateError) -> Self {
        match error {
            // `BadSignature` is reported for an authority that has the name of a trusted one, but not its
            // key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::Untrusted,
            CertificateError::NotValidForName => Self::WrongName { names: Vec::new() },
            CertificateError::NotValidForNameContext { presented, .. } => {
                Self::WrongName { names: presented.iter().map(|name| name_of(name).to_owned()).collect() }
            }
            CertificateError::Expired => Self::Expired { end: None },
            CertificateError::ExpiredContext { not_after, .. } => Self::Expired { end: time(*not_after) },
            CertificateError::NotValidYet => Self::NotYetValid { start: None },
            CertificateError::NotValidYetContext { not_before, .. } => {
                Self::NotYetValid { start: time(*not_before) }
            }
            CertificateError::BadEncoding => Self::Unfit("it is not well formed; have it issued again"),
            CertificateError::Revoked => Self::Unfit("it was revoked; have the server's owner replace it"),
            CertificateError::UnhandledCriticalExtension => {
                Self::Unfit("it has a critical extension that is not known here; have it issued without")
            }
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => Self::Unfit(
                "it may not be used by a server; have it issued with the extended key usage serverAuth",
            ),
            CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => Self::Unfit(
                "it, or one above it, is signed by an algorithm that is not accepted (SHA-1 among others); have it \
                 issued with SHA-256 and RSA, ECDSA or Ed25519",
            ),
            // The library's words are only the names of its variants here.
            CertificateError::Other(other) => Self::of_name(&other.0.to_string()),
            other => Self::Other(other.to_string()),
        }
    }
}

impl CertificateFault {
    /// Returns the fault for an error of the verifier (rustls-webpki) that the TLS library passes on by name
    /// only.
    fn of_name(name: &str) -> Self {
        Self::Unfit(match name {
            "UnsupportedCertVersion" => {
                "it, or one above it, is an X.509 certificate of version 1, which is not accepted; have it issued as \
                 version 3, with the host in subjectAltName"
            }
            "CaUsedAsEndEntity" => {
                "it is an authority's own certificate (CA:TRUE), which cannot be a server's; have that authority sign \
                 one for the server"
            }
            "EndEntityUsedAsCa" => {
                "one above it may not sign others (CA:FALSE); have it signed by an authority's certificate"
            }
            "NameConstraintViolation" => "its authority may not sign for this name (name constraints)",
            "PathLenConstraintViolated" | "MaximumPathDepthExceeded" => {
                "there are more authorities between it and a trusted one than these allow"
            }
            _ => return Self::Other(name.to_owned()),
        })
    }
}

/// Returns the presented name without the library's notation: `DnsName("a.example")`.
fn name_of(presented: &str) -> &str {
    presented.split('"').nth(1).unwrap_or(presented)
}

fn of_names(names: &[String]) -> String {
    match names {
        [] => "it has none in subjectAltName, where names belong".to_owned(),
        names => {
            let more = if names.len() > 4 { ", …" } else { "" };
            let shown: Vec<_> = names.iter().take(4).map(String::as_str).collect();
            format!("it is for {}{more}; check the URL", shown.join(", "))
        }
    }
}

fn time(time: UnixTime) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(time.as_secs()))
}

/// Shows a time, if there is one. A year of five digits cannot be written.
fn at(time: Option<SystemTime>) -> impl Display {
    let last = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    let time = time.filter(|time| *time <= last).map(humantime::format_rfc3339_seconds);
    time.map(|time| format!(" ({time})")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::OtherError;

    use super::*;

    /// An error of the verifier that is known by name only.
    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Named(&'static str);

    fn told(error: &CertificateError) -> String {
        CertificateFault::from(error).to_string()
    }

    #[test]
    fn a_fault_is_told_in_words_and_with_what_to_do() {
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let now = at(1_800_000_000);
        let names = ["DnsName(\"a.example\")", "DnsName(\"b.example\")"].map(str::to_owned).to_vec();
        let expected = "c.example".try_into().unwrap();
        for (error, words) in [
            (
                CertificateError::ExpiredContext { time: now, not_after: at(0) },
                "it expired (1970-01-01T00:00:00Z); have it renewed",
            ),
            (CertificateError::ExpiredContext { time: now, not_after: at(u64::MAX) }, "it expired; "),
            (
                CertificateError::NotValidYetContext { time: now, not_before: at(4_000_000_000) },
                "not valid yet (2096-10-02T07:06:40Z); check this host's clock",
            ),
            (
                CertificateError::NotValidForNameContext { expected, presented: names },
                "it is for a.example, b.example; ",
            ),
            (CertificateError::NotValidForName, "subjectAltName"),
            (CertificateError::Other(OtherError(Arc::new(Named("UnsupportedCertVersion")))), "version 1"),
            (CertificateError::Other(OtherError(Arc::new(Named("CaUsedAsEndEntity")))), "CA:TRUE"),
            (CertificateError::Other(OtherError(Arc::new(Named("Unheard")))), "refuses it: Unheard; "),
        ] {
            assert!(told(&error).contains(words), "{}", told(&error));
        }
    }

    #[test]
    fn no_message_is_the_librarys_own_notation() {
        for error in [
            CertificateError::BadEncoding,
            CertificateError::Expired,
            CertificateError::NotValidYet,
            CertificateError::Revoked,
            CertificateError::UnhandledCriticalExtension,
            CertificateError::UnknownIssuer,
            CertificateError::BadSignature,
            CertificateError::InvalidPurpose,
            CertificateError::Other(OtherError(Arc::new(Named("EndEntityUsedAsCa")))),
            CertificateError::Other(OtherError(Arc::new(Named("NameConstraintViolation")))),
        ] {
            let told = told(&error);
            assert!(told.contains(' ') && !told.contains(&format!("{error:?}")), "{told}");
            assert!(!told.contains("OtherError"), "{told}");
        }
    }
}
