//! The vendor's "Azure IP Ranges and Service Tags" document: what it says about the tag of Dynamics 365's mail.
//!
//! Read as a stream: nothing is kept but the tag's entries and, for regions, Azure's own prefixes in a compact form. Total:
//! any bytes are a [`Document`] or a [`DocumentError`], within [`Limits`]; a document is believed whole or not at all.
//!
//! The format, as seen from 2019 to 2026: `changeNumber`, `cloud`, `values`; a value has `name` and
//! `properties`, and those `changeNumber` and `addressPrefixes`, IPv4 and IPv6 in one list. Neither the
//! values nor the fields have an order that this code relies on. Everything else is skipped, whatever it is.
//! The same list as `az network list-service-tags` and PowerShell's `Get-AzNetworkServiceTag` give it differs
//! in the case of the fields' first letter and in numbers that are text; it is read as well.

use std::io::{self, BufReader, Read};

use serde::de::DeserializeSeed as _;

mod document;
mod entry;
mod error;
mod input;
mod keep;
mod lenient;
mod regions;
mod root;
mod shape;

pub use document::{Document, TagRange};
pub use error::DocumentError;
pub use regions::Regions;

use super::Cloud;
use input::Input;
use keep::Kept;

/// The service tag. Its regional entries are called `Dynamics365ForMarketingEmail.WestUS2` and so on.
pub const TAG: &str = "Dynamics365ForMarketingEmail";
/// The service tag of everything; its regional entries hold what Azure has in a region.
const AZURE: &str = "AzureCloud";
/// How much is read at once, in bytes.
const BUFFER: usize = 64 << 10;

/// How much a document may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes. The largest real document so far has 4.4 million.
    pub bytes: u64,
    /// Prefixes of all entries that are kept. The largest real document so far has 13,767.
    pub prefixes: usize,
    /// Arrays and objects inside each other, at most 100. A real document has 5.
    pub depth: usize,
}

/// What is asked of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The only cloud whose document is accepted; `None` accepts that of any known one.
    pub cloud: Option<Cloud>,
    /// Keep every prefix of every Azure region ([`Document::azure`]).
    pub keep_azure: bool,
    /// How much it may hold.
    pub limits: Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 32 << 20, prefixes: 1 << 18, depth: 32 }
    }
}

/// Reads a document to the end of the input, or to what refuses it.
///
/// # Errors
/// [`DocumentError`]: what is not JSON comes first, then what is no such document, then what it lacks.
pub fn read(reader: impl Read, options: &Options) -> Result<Document, DocumentError> {
    let mut input = Input::new(reader, options.limits.bytes);
    let mut kept = Kept::new(&options.limits);
    let read = input.head().map_err(serde_json::Error::io).and_then(|head| {
        if let Some(refused) = input::other_than_json(&head) {
            kept.stop = Some(refused);
            return Err(serde_json::Error::io(io::ErrorKind::InvalidData.into()));
        }
        let text = BufReader::with_capacity(BUFFER, head.as_slice().chain(&mut input));
        let mut json = serde_json::Deserializer::from_reader(text);
        root::Root(&mut kept).deserialize(&mut json)?;
        json.end()
    });
    match read {
        Ok(()) => Document::new(kept, options),
        Err(error) => {
            let is_shape = error.is_data();
            let shape =
                || kept.shape.filter(|_| is_shape).map(|shape| DocumentError::shape(&shape.to_string()));
            Err(kept.stop.take().or_else(shape).unwrap_or_else(|| input.refused(error)))
        }
    }
}

/// True for the beginning of a web page or of XML, with which no list begins.
pub(super) fn is_markup(text: &[u8]) -> bool {
    input::markup(text).is_some()
}

#[cfg(test)]
mod tests;
