//! The vendor's document "Azure IP Ranges and Service Tags", and its content about the tag of Dynamics 365's
//! mail.
//!
//! The values of the document are read one at a time. Only the tag's entries are kept and, for the regions,
//! Azure's own prefixes in a compact form. The reader is total: any bytes give a [`Document`] or a
//! [`DocumentError`], within the limits of nesting, prefixes and regions. The caller limits the size. A
//! document is accepted as a whole or not at all.
//!
//! The format, as seen from 2019 to 2026, has the fields `changeNumber`, `cloud` and `values`. A value has
//! `name` and `properties`. The properties have `changeNumber` and `addressPrefixes`, with IPv4 and IPv6 in
//! one list. This code does not rely on an order of the values or of the fields. It skips everything else,
//! whatever it is. The same list from `az network list-service-tags` or from PowerShell's
//! `Get-AzNetworkServiceTag` is read as well. It differs in the case of the fields' first letter, and in
//! numbers that are written as text.

mod document;
mod error;
mod regions;
mod shape;
mod tag;
mod values;

pub use document::Document;
pub use error::DocumentError;
pub use regions::Regions;
pub use tag::TAG;

use super::{Cloud, Encoding};

/// Limit of prefixes of all entries that are kept. The largest real document so far has 13,767.
pub const MAX_PREFIXES: usize = 1 << 18;
/// Limit of nested arrays and objects. A real document has 5 levels.
pub const MAX_DEPTH: usize = 32;

/// Options for reading a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The only cloud whose document is accepted. `None` accepts the document of any known cloud.
    pub cloud: Option<Cloud>,
    /// True if every prefix of every Azure region is kept ([`Document::azure`]).
    pub keep_azure: bool,
}

/// Reads a document.
///
/// # Errors
/// [`DocumentError`]. An error of the JSON or of its shape comes before those of the cloud, the tag and its
/// prefixes.
pub fn read(text: &[u8], options: &Options) -> Result<Document, DocumentError> {
    let text = super::without_mark(text);
    if let Some(encoding) = Encoding::of(text) {
        return Err(DocumentError::Encoded(encoding));
    }
    if text.trim_ascii_start().is_empty() {
        return Err(DocumentError::Empty);
    }
    if let Some(markup) = shape::markup(text) {
        return Err(markup);
    }
    if let Some(list) = shape::list(text) {
        return Err(DocumentError::shape(list));
    }
    if depth(text) > MAX_DEPTH {
        return Err(DocumentError::TooDeep { limit: MAX_DEPTH });
    }
    let root = serde_json::from_slice(text).map_err(|error| match shape::object(text) {
        Some(shape) if error.is_data() => DocumentError::shape(shape),
        _ => error.into(),
    })?;
    Document::new(root, options, |field| match shape::object(text) {
        Some(shape) => DocumentError::shape(shape),
        None => DocumentError::shape(&format!("the field {field} is missing")),
    })
}

/// True if the text begins like a web page or XML. No list begins like that.
pub(super) fn is_markup(text: &[u8]) -> bool {
    shape::markup(text).is_some()
}

/// The deepest nesting of arrays and objects. `serde_json` skips a value without a limit on its depth.
fn depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut is_in_string, mut is_escaped) = (false, false);
    for byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_in_string,
            b'"' => is_in_string = !is_in_string,
            b'[' | b'{' if !is_in_string => depth += 1,
            b']' | b'}' if !is_in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

#[cfg(test)]
mod tests;
