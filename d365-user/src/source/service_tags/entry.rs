//! One value of the document: its name and, if the name is needed, its prefixes.

use std::fmt;

use ipnet::IpNet;
use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    DocumentError,
    object::Object,
    shape::Shape,
    tags::{AZURE, MAX_PREFIXES, TAG},
};
use crate::source::line;

/// A value. Its properties stay text until they are needed.
#[derive(Deserialize)]
pub(super) struct Value {
    #[serde(default, alias = "Name")]
    pub(super) name: Kind,
    #[serde(alias = "Properties")]
    properties: Option<Box<RawValue>>,
}

/// The kind of a value, which follows from its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub(super) enum Kind {
    /// The tag in all regions.
    Tag,
    /// The tag in one region.
    Regional(String),
    /// All of Azure in one region.
    Azure(String),
    /// A value that is not needed.
    #[default]
    Other,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties<'a> {
    #[serde(borrow, alias = "ChangeNumber")]
    change_number: Option<&'a RawValue>,
    #[serde(alias = "AddressPrefixes")]
    address_prefixes: Option<Prefixes>,
}

/// The elements of a list of prefixes.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    /// The valid prefixes, as written: at most as many as a document may have.
    pub(super) valid: Vec<IpNet>,
    /// The number of elements that are not prefixes.
    pub(super) invalid: usize,
    /// The first of them, shortened.
    pub(super) first_invalid: Option<String>,
    /// The number of all elements.
    pub(super) count: usize,
    /// The error of an element that is no JSON.
    syntax: Option<serde_json::Error>,
}

impl Value {
    /// The value's own change number, and its prefixes.
    pub(super) fn read(&self) -> Result<(Option<u64>, Prefixes), DocumentError> {
        let Some(properties) = &self.properties else { return Ok((None, Prefixes::default())) };
        if properties.get().starts_with('"') {
            return Err(Shape::Shallow.into());
        }
        let Object(Properties { change_number: number, address_prefixes }) =
            serde_json::from_str(properties.get())?;
        let mut prefixes = address_prefixes.unwrap_or_default();
        match prefixes.syntax.take() {
            Some(error) => Err(error.into()),
            None => Ok((number.and_then(change_number), prefixes)),
        }
    }
}

/// A change number: an integer, or a string that contains one, as some tools write it. Any other value gives
/// `None`.
pub(super) fn change_number(written: &RawValue) -> Option<u64> {
    written.get().trim_matches('"').trim().parse().ok()
}

impl From<String> for Kind {
    fn from(name: String) -> Self {
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

impl Prefixes {
    /// Adds an element. One that is no prefix is counted, and the reading continues.
    fn add(&mut self, element: &str) {
        self.count += 1;
        if self.count > MAX_PREFIXES {
            return;
        }
        let text = match element.as_bytes().first() {
            Some(b'"') => serde_json::from_str::<String>(element),
            Some(b'[') => Ok("(a list)".to_owned()),
            Some(b'{') => Ok("(an object)".to_owned()),
            _ => Ok("(not a string)".to_owned()),
        };
        match text.map(|text| line::prefix(&text).map_err(|_| text)) {
            Ok(Ok(prefix)) => self.valid.push(prefix),
            Ok(Err(text)) => {
                self.invalid += 1;
                self.first_invalid.get_or_insert_with(|| line::excerpt(&text));
            }
            Err(error) => self.syntax = self.syntax.take().or(Some(error)),
        }
    }

    /// Adds the prefixes of another value of the same tag. Such a document has not been seen so far.
    pub(super) fn merge(&mut self, other: Self) {
        self.valid.extend(other.valid);
        self.invalid += other.invalid;
        self.first_invalid = self.first_invalid.take().or(other.first_invalid);
    }
}

impl<'de> Deserialize<'de> for Prefixes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Prefixes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of prefixes")
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<Prefixes, E> {
                Err(E::custom(Shape::Shallow))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Prefixes, A::Error> {
                let mut prefixes = Prefixes::default();
                while let Some(element) = elements.next_element::<&RawValue>()? {
                    prefixes.add(element.get());
                }
                Ok(prefixes)
            }
        }
        deserializer.deserialize_any(List)
    }
}
