//! The vendor's document "Azure IP Ranges and Service Tags", and its content about the tag of Dynamics 365's
//! mail.
//!
//! The document is read as a stream. Only the tag's entries are kept and, for the regions, Azure's own
//! prefixes in a compact form. The reader is total: any bytes give a [`Document`] or a [`DocumentError`],
//! within [`Limits`]. A document is accepted as a whole or not at all.
//!
//! The format, as seen from 2019 to 2026, has the fields `changeNumber`, `cloud` and `values`. A value has
//! `name` and `properties`. The properties have `changeNumber` and `addressPrefixes`, with IPv4 and IPv6 in
//! one list. This code does not rely on an order of the values or of the fields. It skips everything else,
//! whatever it is. The same list from `az network list-service-tags` or from PowerShell's
//! `Get-AzNetworkServiceTag` is read as well. It differs in the case of the fields' first letter, and in
//! numbers that are written as text.

use std::io::{BufReader, Read};

use serde::Deserialize as _;

mod collector;
mod document;
mod entry;
mod error;
mod input;
mod nesting;
mod object;
mod options;
mod regions;
mod root;
mod shape;
mod tags;

pub use document::{Document, TagRange};
pub use error::DocumentError;
pub use options::{Limits, Options};
pub use regions::Regions;
pub use tags::TAG;

use input::Input;
use nesting::Nesting;
use root::Root;
use shape::Shape;

/// Size of the read buffer in bytes.
const BUFFER: usize = 64 << 10;

/// Reads a document to the end of the input, or to the first error.
///
/// # Errors
/// [`DocumentError`]. An error of the input, of the JSON or of its shape ends the reading at once. The cloud,
/// the tag and its prefixes are checked after the whole text was read.
pub fn read(reader: impl Read, options: &Options) -> Result<Document, DocumentError> {
    let mut input = Input::new(reader, options.limits.bytes);
    let head = match input.head() {
        Ok(head) => head,
        Err(error) => return Err(input.refused(serde_json::Error::io(error))),
    };
    if let Some(refused) = input::other_than_json(&head) {
        return Err(refused);
    }
    if let Some(shape) = Shape::of_list(&head) {
        return Err(shape.into());
    }
    let mut text = Nesting::new(head.as_slice().chain(&mut input), options.limits.depth);
    let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(BUFFER, &mut text));
    let root = Root::deserialize(&mut json).and_then(|root| json.end().map(|()| root));
    drop(json);
    match root {
        Ok(root) => Document::new(root, options),
        Err(_) if text.is_too_deep => Err(DocumentError::TooDeep { limit: options.limits.depth }),
        Err(error) => Err(input.refused(error)),
    }
}

/// True if the text begins like a web page or XML. No list begins like that.
pub(super) fn is_markup(text: &[u8]) -> bool {
    input::markup(text).is_some()
}

#[cfg(test)]
mod tests;
