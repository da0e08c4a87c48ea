//! One value of the document: its name and, if the value is needed, its prefixes.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::keep::{Entry, Kept, Kind};
use super::lenient::{ChangeNumber, Skip};
use super::shape::Shape;
use crate::source::line;

/// Fields of a value.
#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Field {
    #[serde(alias = "Name")]
    Name,
    #[serde(alias = "Properties")]
    Properties,
    #[serde(other)]
    Other,
}

/// Fields of a value's properties.
#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Property {
    #[serde(alias = "ChangeNumber")]
    ChangeNumber,
    #[serde(alias = "AddressPrefixes")]
    AddressPrefixes,
    #[serde(other)]
    Other,
}

/// A value. If its properties come before its name, they are read as if the value were needed.
pub(super) struct Value<'a, 'l>(pub(super) &'a mut Kept<'l>);

impl<'de> DeserializeSeed<'de> for Value<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a service tag, an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self(kept) = self;
        let mut kind = None;
        let mut entry = None;
        while let Some(field) = map.next_key()? {
            match field {
                Field::Name => {
                    if kind.replace(map.next_value()?).is_some() {
                        return Err(A::Error::duplicate_field("name"));
                    }
                }
                Field::Properties if kind == Some(Kind::Other) => map.next_value_seed(kept.skip(3))?,
                Field::Properties => {
                    if entry.replace(map.next_value_seed(Properties(kept))?).is_some() {
                        return Err(A::Error::duplicate_field("properties"));
                    }
                }
                Field::Other => map.next_value_seed(kept.skip(3))?,
            }
        }
        kept.take(kind.unwrap_or(Kind::Other), entry.unwrap_or_default())
    }
}

/// A value's properties, or null.
struct Properties<'a, 'l>(&'a mut Kept<'l>);

impl<'de> DeserializeSeed<'de> for Properties<'_, '_> {
    type Value = Entry;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Entry, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Properties<'_, '_> {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a service tag's properties, an object")
    }

    fn visit_unit<E>(self) -> Result<Entry, E> {
        Ok(Entry::default())
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Entry, E> {
        Err(self.0.of_shape(Shape::Shallow))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
        let Self(kept) = self;
        let mut entry = Entry::default();
        let mut prefixes = false;
        while let Some(field) = map.next_key()? {
            match field {
                Property::ChangeNumber => {
                    entry.change_number = map.next_value_seed(ChangeNumber(kept.skip(4)))?;
                }
                Property::AddressPrefixes => {
                    if std::mem::replace(&mut prefixes, true) {
                        return Err(A::Error::duplicate_field("addressPrefixes"));
                    }
                    map.next_value_seed(Prefixes { kept: &mut *kept, entry: &mut entry })?;
                }
                Property::Other => map.next_value_seed(kept.skip(4))?,
            }
        }
        Ok(entry)
    }
}

/// The prefixes, or null.
struct Prefixes<'a, 'l> {
    kept: &'a mut Kept<'l>,
    entry: &'a mut Entry,
}

impl<'de> DeserializeSeed<'de> for Prefixes<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Prefixes<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of prefixes")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        Err(self.kept.of_shape(Shape::Shallow))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Self { kept, entry } = self;
        while seq.next_element_seed(Prefix { skip: kept.skip(5), entry: &mut *entry })?.is_some() {
            kept.room(entry)?;
        }
        Ok(())
    }
}

/// One element of the list of prefixes. An element that is no prefix is counted, and the reading continues.
struct Prefix<'a> {
    skip: Skip<'a>,
    entry: &'a mut Entry,
}

impl Prefix<'_> {
    fn not_a_string<E>(self) -> Result<(), E> {
        self.entry.invalid("(not a string)");
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Prefix<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Prefix<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a prefix")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        match line::prefix(text) {
            Ok(prefix) => self.entry.prefixes.push(prefix),
            Err(_) => self.entry.invalid(text),
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.not_a_string()
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.not_a_string()
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.not_a_string()
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.not_a_string()
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.not_a_string()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        self.skip.visit_seq(seq)?;
        self.entry.invalid("(a list)");
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.skip.visit_map(map)?;
        self.entry.invalid("(an object)");
        Ok(())
    }
}
