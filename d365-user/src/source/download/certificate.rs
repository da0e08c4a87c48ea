//! Faults of a server's certificate, in words for the operator who has to fix them.

use std::time::{Duration, SystemTime};

use rustls::{CertificateError, pki_types::UnixTime};

/// Returns the fault in words, with the next step.
pub(super) fn words(error: &CertificateError) -> String {
    let words = match error {
        // `BadSignature` is reported for an authority that has the name of a trusted one, but not its key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "no authority that this host trusts has signed it; add the proxy's or mirror's own authority to the system's store"
        }
        CertificateError::NotValidForName => return wrong_name(&[]),
        CertificateError::NotValidForNameContext { presented, .. } => return wrong_name(presented),
        CertificateError::Expired => "it expired; have it renewed, or check this host's clock",
        CertificateError::ExpiredContext { not_after, .. } => {
            return format!("it expired{}; have it renewed, or check this host's clock", at(*not_after));
        }
        CertificateError::NotValidYet => "it is not valid yet; check this host's clock",
        CertificateError::NotValidYetContext { not_before, .. } => {
            return format!("it is not valid yet{}; check this host's clock", at(*not_before));
        }
        CertificateError::BadEncoding => "it is not well formed; have it issued again",
        CertificateError::Revoked => "it was revoked; have the server's owner replace it",
        CertificateError::UnhandledCriticalExtension => {
            "it has a critical extension that is not known here; have it issued without"
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it may not be used by a server; have it issued with the extended key usage serverAuth"
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "it, or one above it, is signed by an algorithm that is not accepted (SHA-1 among others); have it \
             issued with SHA-256 and RSA, ECDSA or Ed25519"
        }
        // The library's words are only the names of its variants here.
        CertificateError::Other(other) => return of_verifier(&other.0.to_string()),
        other => return unknown(&other.to_string()),
    };
    words.to_owned()
}

/// Returns the words for an error of the verifier (rustls-webpki), which the TLS library passes on by name.
fn of_verifier(name: &str) -> String {
    let words = match name {
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
        _ => return unknown(name),
    };
    words.to_owned()
}

fn unknown(name: &str) -> String {
    format!("the TLS library refuses it: {name}; have a certificate of a usual kind issued")
}

/// `presented` are the names in the certificate, in the library's notation: `DnsName("a.example")`.
fn wrong_name(presented: &[String]) -> String {
    if presented.is_empty() {
        return "it is not for the name of this host; it has no name in subjectAltName".to_owned();
    }
    let names = presented.iter().map(|name| name.split('"').nth(1).unwrap_or(name));
    let shown: Vec<_> = names.take(4).collect();
    let more = if presented.len() > 4 { ", …" } else { "" };
    format!("it is not for the name of this host; it is for {}{more}; check the URL", shown.join(", "))
}

/// Shows a time. A year of five digits cannot be written.
fn at(time: UnixTime) -> String {
    const LAST: u64 = 253_402_300_799;
    let time = Some(time.as_secs()).filter(|seconds| *seconds <= LAST);
    let time = time.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    time.map(|time| format!(" ({})", humantime::format_rfc3339_seconds(time))).unwrap_or_default()
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

    #[test]
    fn each_fault_has_a_message_with_the_next_step() {
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let now = at(1_800_000_000);
        let names = ["DnsName(\"a.example\")", "DnsName(\"b.example\")"].map(str::to_owned).to_vec();
        let host = "c.example".try_into().unwrap();
        let by_name = |name| CertificateError::Other(OtherError(Arc::new(Named(name))));
        for (error, expected) in [
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
                CertificateError::NotValidForNameContext { expected: host, presented: names },
                "it is for a.example, b.example; ",
            ),
            (CertificateError::NotValidForName, "subjectAltName"),
            (CertificateError::UnknownIssuer, "no authority that this host trusts"),
            (CertificateError::BadSignature, "no authority that this host trusts"),
            (CertificateError::Revoked, "revoked"),
            (CertificateError::InvalidPurpose, "serverAuth"),
            (by_name("UnsupportedCertVersion"), "version 1"),
            (by_name("CaUsedAsEndEntity"), "CA:TRUE"),
            (by_name("EndEntityUsedAsCa"), "CA:FALSE"),
            (by_name("Unheard"), "refuses it: Unheard; "),
        ] {
            let words = words(&error);
            assert!(words.contains(expected) && !words.contains(&format!("{error:?}")), "{words}");
        }
    }
}
