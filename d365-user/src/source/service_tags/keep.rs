//! The values that are kept while a document is read, within the limits.

use ipnet::IpNet;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::lenient::Skip;
use super::regions::{Builder, MAX_REGIONS};
use super::shape::Shape;
use super::tags::{AZURE, TAG};
use super::{DocumentError, Limits};
use crate::source::line;

/// The kind of an entry, which follows from its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The tag in all regions.
    Tag,
    /// The tag in one region.
    Regional(String),
    /// All of Azure in one region.
    Azure(String),
    /// An entry that is not needed.
    Other,
}

/// The content of an entry.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) change_number: Option<u64>,
    /// The valid prefixes, as written.
    pub(super) prefixes: Vec<IpNet>,
    /// The number of elements that are not prefixes.
    pub(super) invalid: usize,
    /// The first of them, shortened.
    pub(super) first_invalid: Option<String>,
}

/// All values so far.
pub(super) struct Kept<'a> {
    limits: &'a Limits,
    /// The reason why the reading stopped, if the JSON is not the cause.
    pub(super) stop: Option<DocumentError>,
    /// The shape that the text seems to have, if it is no service tags document.
    pub(super) shape: Option<Shape>,
    pub(super) change_number: Option<u64>,
    pub(super) cloud: Option<String>,
    /// True if there was a list of values.
    pub(super) values: bool,
    /// The tag in all regions; `None` until it is found.
    pub(super) tag: Option<Entry>,
    pub(super) regional: Builder,
    pub(super) azure: Builder,
    prefixes: usize,
}

impl<'a> Kept<'a> {
    pub(super) fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            stop: None,
            shape: None,
            change_number: None,
            cloud: None,
            values: false,
            tag: None,
            regional: Builder::default(),
            azure: Builder::default(),
            prefixes: 0,
        }
    }

    /// Skips a value that is inside `outer` arrays and objects.
    pub(super) fn skip(&mut self, outer: usize) -> Skip<'_> {
        let limit = self.limits.depth;
        Skip { stop: &mut self.stop, limit, left: limit.saturating_sub(outer) }
    }

    /// Checks that the entry that is being read is still within the limit.
    pub(super) fn room<E: Error>(&mut self, entry: &Entry) -> Result<(), E> {
        let limit = self.limits.prefixes;
        let prefixes = self.prefixes.saturating_add(entry.prefixes.len()).saturating_add(entry.invalid);
        if prefixes <= limit {
            Ok(())
        } else {
            Err(self.stopped(DocumentError::TooMany { what: "prefixes", limit }))
        }
    }

    /// Adds a complete entry.
    pub(super) fn take<E: Error>(&mut self, kind: Kind, entry: Entry) -> Result<(), E> {
        if kind != Kind::Other {
            self.prefixes = self.prefixes.saturating_add(entry.prefixes.len()).saturating_add(entry.invalid);
        }
        let taken = match kind {
            Kind::Other => true,
            Kind::Tag => {
                if let Some(before) = &mut self.tag {
                    before.merge(entry);
                } else {
                    self.tag = Some(entry);
                }
                true
            }
            Kind::Regional(region) => self.regional.push(region, &entry.prefixes),
            Kind::Azure(region) => self.azure.push(region, &entry.prefixes),
        };
        if taken {
            Ok(())
        } else {
            Err(self.stopped(DocumentError::TooMany { what: "regions", limit: MAX_REGIONS }))
        }
    }

    /// Stops the reading, because the text has another shape.
    pub(super) fn of_shape<E: Error>(&mut self, shape: Shape) -> E {
        self.stopped(DocumentError::shape(&shape.to_string()))
    }

    fn stopped<E: Error>(&mut self, why: DocumentError) -> E {
        let error = E::custom(&why);
        self.stop = Some(why);
        error
    }
}

impl Entry {
    /// Counts one more element of the entry's list that is no prefix.
    pub(super) fn invalid(&mut self, shown: &str) {
        self.invalid += 1;
        self.first_invalid.get_or_insert_with(|| line::excerpt(shown));
    }

    /// Adds another entry of the tag in the same document. Such a document has not been seen so far.
    fn merge(&mut self, other: Self) {
        self.change_number = self.change_number.max(other.change_number);
        self.prefixes.extend(other.prefixes);
        self.invalid += other.invalid;
        self.first_invalid = self.first_invalid.take().or(other.first_invalid);
    }
}

impl Kind {
    fn of(name: &str) -> Self {
        let region = |tag: &str| {
            let region = name.strip_prefix(tag)?.strip_prefix('.')?;
            line::region(region).ok().flatten()
        };
        if name == TAG {
            Self::Tag
        } else if let Some(region) = region(TAG) {
            Self::Regional(region)
        } else {
            region(AZURE).map_or(Self::Other, Self::Azure)
        }
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Kind;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the name of a service tag")
            }

            fn visit_str<E>(self, name: &str) -> Result<Kind, E> {
                Ok(Kind::of(name))
            }
        }
        deserializer.deserialize_str(Name)
    }
}
