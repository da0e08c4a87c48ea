//! What is kept of a document while it is read, within the limits.

use ipnet::IpNet;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::lenient::Skip;
use super::regions::{Builder, MAX_REGIONS};
use super::shape::Shape;
use super::{AZURE, DocumentError, Limits, TAG};
use crate::source::line;

/// What an entry is, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The tag, all regions.
    Tag,
    /// The tag in one region.
    Regional(String),
    /// All of Azure in one region.
    Azure(String),
    /// Of no interest.
    Other,
}

/// What an entry says.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) change_number: Option<u64>,
    /// Its valid prefixes, as written.
    pub(super) prefixes: Vec<IpNet>,
    /// How many others there are.
    pub(super) invalid: usize,
    /// The first of them, shortened.
    pub(super) first_invalid: Option<String>,
}

/// Everything so far.
pub(super) struct Kept<'a> {
    limits: &'a Limits,
    /// Why reading was stopped, when the JSON was not to blame.
    pub(super) stop: Option<DocumentError>,
    /// The shape that it looks like, when it is no document.
    pub(super) shape: Option<Shape>,
    pub(super) change_number: Option<u64>,
    pub(super) cloud: Option<String>,
    /// Whether there was a list of values.
    pub(super) values: bool,
    /// The tag, all regions; `None` until it is seen.
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

    /// Reads over a value that lies in `outer` arrays and objects.
    pub(super) fn skip(&mut self, outer: usize) -> Skip<'_> {
        let limit = self.limits.depth;
        Skip { stop: &mut self.stop, limit, left: limit.saturating_sub(outer) }
    }

    /// Whether the entry that is being read is still within the limit.
    pub(super) fn room<E: Error>(&mut self, entry: &Entry) -> Result<(), E> {
        let limit = self.limits.prefixes;
        let prefixes = self.prefixes.saturating_add(entry.prefixes.len()).saturating_add(entry.invalid);
        if prefixes <= limit {
            Ok(())
        } else {
            Err(self.stopped(DocumentError::TooMany { what: "prefixes", limit }))
        }
    }

    /// Takes a whole entry.
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

    /// It is of another shape: nothing more is read.
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
    /// One more element of its list that is no prefix.
    pub(super) fn invalid(&mut self, shown: &str) {
        self.invalid += 1;
        self.first_invalid.get_or_insert_with(|| line::excerpt(shown));
    }

    /// The tag twice in one document, which has not been seen so far: its entries add up.
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
