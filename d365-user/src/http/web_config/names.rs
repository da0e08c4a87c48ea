//! The names of TLS versions, cipher suites and curves, as Go and exporter-toolkit write them, and which of
//! them rustls has.

use rustls::{
    CipherSuite, NamedGroup, SupportedCipherSuite, SupportedProtocolVersion,
    crypto::{CryptoProvider, SupportedKxGroup},
    version::{TLS12, TLS13},
};

use super::error::{FieldError, Problem};

/// Go's names of versions that rustls has.
const VERSIONS: [(&str, &SupportedProtocolVersion); 2] = [("TLS12", &TLS12), ("TLS13", &TLS13)];
const OLD_VERSIONS: [&str; 2] = ["TLS10", "TLS11"];

/// Suites of TLS 1.2 that rustls has.
const SUITES: [(&str, CipherSuite); 6] = [
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
];
/// Suites of TLS 1.3. All of them are always on, as in Go: the field is about TLS 1.2.
const ALWAYS: [&str; 3] =
    ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
/// Suites that Go has (`crypto/tls`, `CipherSuites`) and rustls lacks: CBC, or without forward secrecy.
const OLD_SUITES: [&str; 10] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
];

const CURVES: [(&str, NamedGroup); 3] = [
    ("X25519", NamedGroup::X25519),
    ("CurveP256", NamedGroup::secp256r1),
    ("CurveP384", NamedGroup::secp384r1),
];
const OLD_CURVES: [&str; 1] = ["CurveP521"];

/// The versions from `min` to `max`.
pub(super) fn versions(
    min: Option<&str>,
    max: Option<&str>,
) -> Result<Vec<&'static SupportedProtocolVersion>, FieldError> {
    let place = |field, name: Option<&str>, default| {
        name.map_or(Ok(default), |name| {
            let at = VERSIONS.iter().position(|(known, _)| *known == name);
            at.ok_or_else(|| (field, missing(name, &VERSIONS, &OLD_VERSIONS)))
        })
    };
    let min = place("tls_server_config.min_version", min, 0)?;
    let max = place("tls_server_config.max_version", max, VERSIONS.len() - 1)?;
    if min > max {
        return Err(("tls_server_config.min_version", Problem::Versions));
    }
    Ok(VERSIONS[min..=max].iter().map(|(_, version)| *version).collect())
}

/// The suites of TLS 1.2 with these names, in their order, behind all suites of TLS 1.3.
pub(super) fn suites(
    names: &[String],
    provider: &CryptoProvider,
) -> Result<Vec<SupportedCipherSuite>, FieldError> {
    let all = &provider.cipher_suites;
    let mut suites: Vec<_> = all.iter().filter(|suite| suite.tls13().is_some()).copied().collect();
    for name in names.iter().filter(|name| !ALWAYS.contains(&name.as_str())) {
        let known = SUITES.iter().find(|(known, _)| known == name);
        let suite = known.and_then(|(_, id)| all.iter().find(|suite| suite.suite() == *id));
        let missing = || ("tls_server_config.cipher_suites", missing(name, &SUITES, &OLD_SUITES));
        suites.push(*suite.ok_or_else(missing)?);
    }
    Ok(suites)
}

/// The groups of these curves, in their order.
pub(super) fn curves(
    names: &[String],
    provider: &CryptoProvider,
) -> Result<Vec<&'static dyn SupportedKxGroup>, FieldError> {
    let group = |name: &String| {
        let known = CURVES.iter().find(|(known, _)| known == name);
        let group = known.and_then(|(_, id)| provider.kx_groups.iter().find(|group| group.name() == *id));
        group
            .copied()
            .ok_or_else(|| ("tls_server_config.curve_preferences", missing(name, &CURVES, &OLD_CURVES)))
    };
    names.iter().map(group).collect()
}

/// The problem of a name that is not among the known ones.
fn missing<T>(name: &str, known: &[(&str, T)], old: &[&str]) -> Problem {
    let known = known.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(", ");
    let value = name.escape_debug().to_string();
    if old.contains(&name) {
        Problem::Unsupported { value, known }
    } else {
        Problem::Unknown { value, known }
    }
}
