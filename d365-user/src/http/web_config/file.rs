//! The web configuration file as it is written: the format of Prometheus's exporter-toolkit
//! (`docs/web-configuration.md` there). This module knows names and types of fields, not their meaning.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Error;

/// A file. A section or a field that is missing, or has no value, is `None`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) tls_server_config: Option<Tls>,
    pub(super) http_server_config: Option<Http>,
    pub(super) basic_auth_users: Option<BTreeMap<String, String>>,
    pub(super) rate_limit: Option<RateLimit>,
}

#[derive(Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    pub(super) cert: Option<String>,
    pub(super) key: Option<String>,
    pub(super) client_ca: Option<String>,
    pub(super) cert_file: Option<String>,
    pub(super) key_file: Option<String>,
    pub(super) client_ca_file: Option<String>,
    pub(super) client_auth_type: Option<String>,
    pub(super) client_allowed_sans: Option<Vec<String>>,
    pub(super) min_version: Option<String>,
    pub(super) max_version: Option<String>,
    pub(super) cipher_suites: Option<Vec<String>>,
    pub(super) prefer_server_cipher_suites: Option<bool>,
    pub(super) curve_preferences: Option<Vec<String>>,
}

impl Tls {
    /// Returns true if no field has a value.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Http {
    /// It changes nothing: this server speaks HTTP/1.1, which every client of HTTP/2 does too.
    #[serde(rename = "http2")]
    _http2: Option<bool>,
    pub(super) headers: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RateLimit {
    pub(super) interval: Option<String>,
    pub(super) burst: Option<u32>,
}

/// An error of the format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct FormatError {
    line: u64,
    column: u64,
    problem: String,
}

/// Reads a file's text.
///
/// # Errors
/// The first fault. Its message has no text of the file but the name of an unknown field: a value may be a
/// key or the hash of a password.
pub(super) fn parse(text: &str) -> Result<File, FormatError> {
    let options = serde_saphyr::options! { with_snippet: false };
    match serde_saphyr::from_str_with_options::<Option<File>>(text, options) {
        Ok(file) => Ok(file.unwrap_or_default()),
        Err(error) => {
            let (line, column) =
                error.location().map_or((1, 1), |location| (location.line(), location.column()));
            Err(FormatError { line, column, problem: problem(&error) })
        }
    }
}

fn problem(error: &Error) -> String {
    match error.without_snippet() {
        Error::SerdeUnknownField { field, expected, .. } if is_name(field) => {
            format!("the field `{field}` is not known here; there are {}", expected.join(", "))
        }
        Error::SerdeUnknownField { expected, .. } => {
            format!("a field is not known here; there are {}", expected.join(", "))
        }
        Error::DuplicateMappingKey { .. } => "a field is given twice".to_owned(),
        Error::SerdeInvalidType { expected, .. } | Error::SerdeInvalidValue { expected, .. } => {
            format!("the value has another type; expected {expected}")
        }
        Error::InvalidScalar { ty, .. } => format!("the value is no {ty}"),
        Error::NullIntoString { .. } => "the value is missing".to_owned(),
        Error::Unexpected { expected, .. } => format!("expected {expected}"),
        Error::MultipleDocuments { .. } => "a second document begins; the file has one".to_owned(),
        _ => "this is no YAML of this format (indentation, quotes, brackets and colons are usual causes)"
            .to_owned(),
    }
}

/// Returns true if this can be the name of a field. A line of a key or a hash cannot.
fn is_name(text: &str) -> bool {
    text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
