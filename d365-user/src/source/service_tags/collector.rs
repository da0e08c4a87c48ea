//! The list of values, read one value at a time. Only the prefixes of needed values are kept, within the
//! limits.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{
    DocumentError,
    entry::{Kind, Prefixes, Value},
    object::Object,
    regions::{Builder, MAX_REGIONS},
    tags::MAX_PREFIXES,
};

/// The content of the list so far.
#[derive(Debug, Default)]
pub(super) struct Collector {
    /// The reason why nothing more is collected. The text is still read to its end, because an error of the
    /// JSON comes first.
    pub(super) refused: Option<DocumentError>,
    /// True if the text has an object in place of the list.
    pub(super) is_object: bool,
    /// The tag in all regions, with its own change number; `None` until it is found.
    pub(super) tag: Option<(Option<u64>, Prefixes)>,
    pub(super) regional: Builder,
    pub(super) azure: Builder,
    /// The number of elements in the lists of prefixes that are kept.
    pub(super) prefixes: usize,
}

impl Collector {
    fn add_entry(&mut self, value: Value) -> Result<(), DocumentError> {
        if value.name == Kind::Other {
            return Ok(());
        }
        let (number, prefixes) = value.read()?;
        self.prefixes = self.prefixes.saturating_add(prefixes.count);
        check_limit(self.prefixes, MAX_PREFIXES)?;
        let has_room = match value.name {
            Kind::Regional(region) => self.regional.push(region, &prefixes.valid),
            Kind::Azure(region) => self.azure.push(region, &prefixes.valid),
            Kind::Tag | Kind::Other => {
                let (tag_number, tag) = self.tag.get_or_insert_default();
                *tag_number = (*tag_number).max(number);
                tag.merge(prefixes);
                true
            }
        };
        if has_room { Ok(()) } else { Err(DocumentError::TooMany { what: "regions", limit: MAX_REGIONS }) }
    }
}

/// Checks the number of prefixes.
pub(super) fn check_limit(prefixes: usize, limit: usize) -> Result<(), DocumentError> {
    if prefixes <= limit { Ok(()) } else { Err(DocumentError::TooMany { what: "prefixes", limit }) }
}

impl<'de> Deserialize<'de> for Collector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Values;
        impl<'de> Visitor<'de> for Values {
            type Value = Collector;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of service tags")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Collector, A::Error> {
                let mut collector = Collector::default();
                while collector.refused.is_none() {
                    let Some(Object(value)) = values.next_element()? else { break };
                    collector.refused = collector.add_entry(value).err();
                }
                while values.next_element::<IgnoredAny>()?.is_some() {}
                Ok(collector)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Collector, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Collector { is_object: true, ..Collector::default() })
            }
        }
        deserializer.deserialize_any(Values)
    }
}
