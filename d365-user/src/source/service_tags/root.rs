//! The document's outermost object and its list of values.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::entry::Value;
use super::keep::Kept;
use super::lenient::ChangeNumber;
use super::shape::Shape;

/// Fields of the outermost object. The first letter of each may be in upper case.
#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Field {
    #[serde(alias = "ChangeNumber")]
    ChangeNumber,
    #[serde(alias = "Cloud")]
    Cloud,
    #[serde(alias = "Values")]
    Values,
    /// A field that occurs if the text is one tag alone.
    #[serde(alias = "address_prefixes", alias = "ipv4_cidrs", alias = "Properties")]
    Properties,
    #[serde(alias = "terraform_version", alias = "format_version", alias = "sensitive")]
    Terraform,
    #[serde(alias = "Error")]
    Error,
    #[serde(other)]
    Other,
}

pub(super) struct Root<'a, 'l>(pub(super) &'a mut Kept<'l>);

impl<'de> DeserializeSeed<'de> for Root<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
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
                Field::Properties | Field::Terraform | Field::Error | Field::Other => {
                    let shape = match field {
                        Field::Properties => Some(Shape::OneTag),
                        Field::Terraform => Some(Shape::Terraform),
                        Field::Error => Some(Shape::Error),
                        _ => None,
                    };
                    kept.shape = kept.shape.or(shape);
                    map.next_value_seed(kept.skip(1))?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        // Any element ends the reading with an error of its own. Only an empty list reaches the next line.
        seq.next_element_seed(Element(&mut *self.0))?;
        Err(self.0.of_shape(Shape::Values))
    }
}

/// The first element of a list that is in the place of the document.
struct Element<'a, 'l>(&'a mut Kept<'l>);

impl<'de> DeserializeSeed<'de> for Element<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the fields cloud and values")
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        Err(self.0.of_shape(Shape::Texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(self.0.of_shape(Shape::Values))
    }
}

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
