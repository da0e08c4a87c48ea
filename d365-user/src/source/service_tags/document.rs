//! The content of a document about the tag.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::{
    DocumentError, Options, Regions,
    values::{Prefixes, Root, change_number},
};
use crate::geo;
use crate::source::{Cloud, List, ListEntry, Origin, Warning, line};

/// A tag is rejected if more than one in this number of its entries is not a prefix. In the vendor's
/// documents, every entry is a prefix.
const MOST_INVALID: usize = 10;

/// The part of a service tags document that concerns the tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The cloud of the document.
    pub cloud: Cloud,
    /// The tag's prefixes: at least one, sorted, each once. The list has no name yet, and no date, because a
    /// document does not contain its own date.
    pub list: List,
    /// The prefixes of the tag's regional entries. China's document has none.
    pub regional: Regions,
    /// The prefixes of every Azure region, if [`Options::keep_azure`] is set.
    pub azure: Option<Regions>,
}

impl Document {
    /// Creates the document from its JSON. `missing` is the error for a field that is missing.
    pub(super) fn new(
        root: Root<'_>,
        options: &Options,
        missing: impl Fn(&str) -> DocumentError,
    ) -> Result<Self, DocumentError> {
        if let Some(refused) = root.values.as_ref().and_then(|values| values.refused.clone()) {
            return Err(refused);
        }
        let cloud = self::cloud(&root.cloud.ok_or_else(|| missing("cloud"))?, options)?;
        let values = root.values.ok_or_else(|| missing("values"))?;
        let (regional, azure) = (values.regional, values.azure);
        let change_number = root.change_number.and_then(change_number);
        let (tag_change_number, mut tag) = values.tag.ok_or(DocumentError::NoTag { change_number })?;
        if tag.valid.is_empty() {
            return Err(DocumentError::NoValidPrefix { entries: tag.invalid });
        }
        let entries = tag.valid.len().saturating_add(tag.invalid);
        if tag.invalid > entries / MOST_INVALID {
            let first = tag.first_invalid.unwrap_or_default();
            return Err(DocumentError::TooManyInvalid { invalid: tag.invalid, entries, first });
        }
        tag.valid.sort_unstable();
        tag.valid.dedup();
        let warnings = warnings(&tag, &regional);
        let entry = |prefix: IpNet| {
            let region = region(&prefix, &regional, &azure).map(str::to_owned);
            ListEntry { prefix, geo: None, region, line: 0 }
        };
        let entries = tag.valid.into_iter().map(entry).collect();
        let origin = Origin { change_number, tag_change_number, ..Origin::default() };
        Ok(Self {
            cloud,
            list: List { origin, entries, warnings },
            regional,
            azure: options.keep_azure.then_some(azure),
        })
    }
}

/// Returns the document's cloud, if the options accept it.
fn cloud(found: &str, options: &Options) -> Result<Cloud, DocumentError> {
    let expected = options.cloud;
    let cloud =
        Cloud::from_document_name(found).filter(|cloud| expected.is_none_or(|expected| expected == *cloud));
    cloud.ok_or_else(|| DocumentError::WrongCloud { found: line::excerpt(found), expected })
}

/// The Azure region of a prefix of the tag. It is the region of the tag's regional entry with this prefix
/// (`WestUS2`), or else the region whose prefix contains this one (`westus2`). If both exist, the first one
/// with a known geo is preferred.
fn region<'a>(prefix: &IpNet, regional: &'a Regions, azure: &'a Regions) -> Option<&'a str> {
    let (named, around) = (regional.exact(prefix), azure.containing(prefix));
    named.into_iter().chain(around).find(|region| geo::knows(region)).or(named).or(around)
}

fn warnings(tag: &Prefixes, regional: &Regions) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if let Some(first) = &tag.first_invalid {
        warnings.push(Warning::InvalidPrefixes { count: tag.invalid, first: first.clone() });
    }
    let all: BTreeSet<IpNet> = tag.valid.iter().map(IpNet::trunc).collect();
    let mut missing = all.iter().filter(|prefix| regional.exact(prefix).is_none());
    if let Some(first) = missing.next().filter(|_| !regional.is_empty()) {
        warnings.push(Warning::NotInARegion { count: 1 + missing.count(), first: *first });
    }
    let mut more = regional.iter().map(|(prefix, _)| prefix).filter(|prefix| !all.contains(prefix));
    if let Some(first) = more.next() {
        warnings.push(Warning::OnlyInARegion { count: 1 + more.count(), first });
    }
    warnings
}
