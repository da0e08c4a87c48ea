//! The document's outermost object and its list of values.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::entry::Value;
use super::keep::Kept;
use super::lenient::ChangeNumber;

/// Fields of the outermost object.
#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Field {
    ChangeNumber,
    Cloud,
    Values,
    #[serde(other)]
    Other,
}

/// The outermost object.
pub(super) struct Root<'a, 'l>(pub(super) &'a mut Kept<'l>);

impl<'de> DeserializeSeed<'de> for Root<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Root<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the fields cloud and values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self(kept) = self;
        while let Some(field) = map.next_key()? {
            match field {
                Field::ChangeNumber => {
                    kept.change_number = map.next_value_seed(ChangeNumber(kept.skip(1)))?;
                }
                Field::Cloud => {
                    if kept.cloud.replace(map.next_value()?).is_some() {
                        return Err(A::Error::duplicate_field("cloud"));
                    }
                }
                Field::Values => {
                    if std::mem::replace(&mut kept.values, true) {
                        return Err(A::Error::duplicate_field("values"));
                    }
                    map.next_value_seed(Values(kept))?;
                }
                Field::Other => map.next_value_seed(kept.skip(1))?,
            }
        }
        Ok(())
    }
}

/// The list of values.
struct Values<'a, 'l>(&'a mut Kept<'l>);

impl<'de> DeserializeSeed<'de> for Values<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Values<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of service tags")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Value(self.0))?.is_some() {}
        Ok(())
    }
}
