//! The JSON of a document. Its values are read one after another, and only the prefixes of those that are
//! needed are kept.

use std::{borrow::Cow, fmt};

use ipnet::IpNet;
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    DocumentError, MAX_PREFIXES,
    regions::{MAX_REGIONS, Regions},
    shape::SHALLOW,
    tag::{AZURE, TAG},
};
use crate::source::line;

/// The document's outermost object.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object with the fields cloud and values")]
pub(super) struct Root<'a> {
    #[serde(borrow, alias = "ChangeNumber")]
    pub(super) change_number: Option<&'a RawValue>,
    #[serde(alias = "Cloud")]
    pub(super) cloud: Option<String>,
    #[serde(alias = "Values")]
    pub(super) values: Option<Values>,
}

/// The content of the needed values.
#[derive(Default)]
pub(super) struct Values {
    /// The reason why nothing more is kept. The text is still read to its end, because an error of the JSON
    /// comes first.
    pub(super) refused: Option<DocumentError>,
    /// The tag in all regions, with its own change number; `None` until it is found.
    pub(super) tag: Option<(Option<u64>, Prefixes)>,
    /// The tag by region.
    pub(super) regional: Regions,
    /// All of Azure by region.
    pub(super) azure: Regions,
    /// The number of elements in the lists of prefixes that are kept.
    prefixes: usize,
}

/// A value. Its properties stay text until they are needed.
#[derive(Deserialize)]
struct Value<'a> {
    #[serde(default, borrow, alias = "Name")]
    name: Cow<'a, str>,
    #[serde(borrow, alias = "Properties")]
    properties: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties<'a> {
    #[serde(borrow, alias = "ChangeNumber")]
    change_number: Option<&'a RawValue>,
    #[serde(borrow, alias = "AddressPrefixes")]
    address_prefixes: Option<&'a RawValue>,
}

/// The elements of a list of prefixes.
#[derive(Default)]
pub(super) struct Prefixes {
    /// The valid prefixes, as written: at most as many as a document may have.
    pub(super) valid: Vec<IpNet>,
    /// The number of elements that are not prefixes.
    pub(super) invalid: usize,
    /// The first of them, shortened.
    pub(super) first_invalid: Option<String>,
    /// The number of all elements.
    count: usize,
}

/// A change number: an integer, or a string that contains one, as some tools write it. Any other value gives
/// `None`.
pub(super) fn change_number(written: &RawValue) -> Option<u64> {
    written.get().trim_matches('"').trim().parse().ok()
}

/// The region in the name of a regional entry of `tag`.
fn region(name: &str, tag: &str) -> Option<String> {
    line::region(name.strip_prefix(tag)?.strip_prefix('.')?).ok().flatten()
}

impl Value<'_> {
    /// The value's own change number, and its prefixes.
    fn read(&self) -> Result<(Option<u64>, Prefixes), DocumentError> {
        let Some(properties) = &self.properties else { return Ok((None, Prefixes::default())) };
        match properties.get().as_bytes().first() {
            Some(b'{') => {}
            Some(b'"') => return Err(DocumentError::shape(SHALLOW)),
            _ => return Err(DocumentError::shape("a tag's properties are not an object")),
        }
        let Properties { change_number: number, address_prefixes } = serde_json::from_str(properties.get())?;
        let prefixes = match address_prefixes.map(RawValue::get) {
            None => Prefixes::default(),
            Some(text) if text.starts_with('"') => return Err(DocumentError::shape(SHALLOW)),
            Some(list) => serde_json::from_str(list)?,
        };
        Ok((number.and_then(change_number), prefixes))
    }
}

impl Values {
    fn add(&mut self, value: &Value<'_>) -> Result<(), DocumentError> {
        let regions = if value.name == TAG {
            None
        } else if let Some(region) = region(&value.name, TAG) {
            Some((&mut self.regional, region))
        } else if let Some(region) = region(&value.name, AZURE) {
            Some((&mut self.azure, region))
        } else {
            return Ok(());
        };
        let (number, prefixes) = value.read()?;
        self.prefixes = self.prefixes.saturating_add(prefixes.count);
        if self.prefixes > MAX_PREFIXES {
            return Err(DocumentError::TooMany { what: "prefixes", limit: MAX_PREFIXES });
        }
        let has_room = match regions {
            Some((regions, region)) => regions.push(region, &prefixes.valid),
            None => {
                let (tag_number, tag) = self.tag.get_or_insert_default();
                *tag_number = (*tag_number).max(number);
                tag.merge(prefixes);
                true
            }
        };
        if has_room { Ok(()) } else { Err(DocumentError::TooMany { what: "regions", limit: MAX_REGIONS }) }
    }
}

impl Prefixes {
    /// Adds an element. An invalid element is counted and skipped.
    fn add(&mut self, element: &str) {
        self.count += 1;
        if self.count > MAX_PREFIXES {
            return;
        }
        let text = serde_json::from_str::<String>(element).map_or(Cow::Borrowed(element), Cow::Owned);
        if let Ok(prefix) = line::prefix(&text) {
            self.valid.push(prefix);
        } else {
            self.invalid += 1;
            self.first_invalid.get_or_insert_with(|| line::excerpt(&text));
        }
    }

    /// Adds the prefixes of another value of the same tag. Such a document has not been seen so far.
    fn merge(&mut self, other: Self) {
        self.valid.extend(other.valid);
        self.invalid += other.invalid;
        self.first_invalid = self.first_invalid.take().or(other.first_invalid);
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let add = |values: &mut Self, value: Value<'de>| {
            if values.refused.is_none() {
                values.refused = values.add(&value).err();
            }
        };
        let values = collect(deserializer, "a list of service tags", add)?;
        Ok(Self { regional: values.regional.sorted(), azure: values.azure.sorted(), ..values })
    }
}

impl<'de> Deserialize<'de> for Prefixes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let add = |prefixes: &mut Self, element: &RawValue| prefixes.add(element.get());
        collect(deserializer, "a list of prefixes", add)
    }
}

/// Reads a list, one element at a time.
fn collect<'de, T: Default, E: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
    expected: &'static str,
    add: fn(&mut T, E),
) -> Result<T, D::Error> {
    struct List<T, E>(&'static str, fn(&mut T, E));
    impl<'de, T: Default, E: Deserialize<'de>> Visitor<'de> for List<T, E> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<T, A::Error> {
            let mut all = T::default();
            while let Some(element) = list.next_element()? {
                (self.1)(&mut all, element);
            }
            Ok(all)
        }
    }
    deserializer.deserialize_seq(List(expected, add))
}
