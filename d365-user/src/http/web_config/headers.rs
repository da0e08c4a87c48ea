//! Fields of responses, from `http_server_config.headers`.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::error::{FieldError, Problem};

/// A field that can be set: its name as it is written, and its allowed values. None means any value.
type Known = (&'static str, HeaderName, &'static [&'static str]);

const KNOWN: [Known; 5] = [
    ("Content-Security-Policy", header::CONTENT_SECURITY_POLICY, &[]),
    ("Strict-Transport-Security", header::STRICT_TRANSPORT_SECURITY, &[]),
    ("X-Content-Type-Options", header::X_CONTENT_TYPE_OPTIONS, &["nosniff"]),
    ("X-Frame-Options", header::X_FRAME_OPTIONS, &["deny", "sameorigin"]),
    ("X-XSS-Protection", header::X_XSS_PROTECTION, &[]),
];

/// Reads the section. A field without a value is not set.
pub(super) fn read(written: &BTreeMap<String, String>) -> Result<HeaderMap, FieldError> {
    let mut headers = HeaderMap::new();
    for (name, value) in written {
        let problem = |problem| ("http_server_config.headers", problem);
        let (name, field, allowed) =
            KNOWN.into_iter().find(|(known, ..)| known == name).ok_or_else(|| {
                let known = KNOWN.map(|(known, ..)| known).join(", ");
                problem(Problem::Header { name: name.escape_debug().to_string(), known })
            })?;
        if !allowed.is_empty() && !allowed.contains(&value.as_str()) {
            return Err(problem(Problem::HeaderValue { name, expected: allowed.join(" or ") }));
        }
        if value.is_empty() {
            continue;
        }
        let value = HeaderValue::from_str(value);
        let expected = || "visible characters of ASCII on one line".to_owned();
        headers
            .insert(field, value.map_err(|_| problem(Problem::HeaderValue { name, expected: expected() }))?);
    }
    Ok(headers)
}
