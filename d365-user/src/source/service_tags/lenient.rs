//! Values that a document may contain and that are skipped, and change numbers, which some tools write as
//! strings.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::DocumentError;

/// Skips one value of any kind. serde's own `IgnoredAny` has no limit on depth: with it, `serde_json` skips
/// the value itself.
pub(super) struct Skip<'a> {
    /// Receives the error if the limit is reached.
    pub(super) stop: &'a mut Option<DocumentError>,
    /// The limit, for the message.
    pub(super) limit: usize,
    /// Levels that the value may still have.
    pub(super) left: usize,
}

impl Skip<'_> {
    fn inner<E: Error>(&mut self) -> Result<Skip<'_>, E> {
        let limit = self.limit;
        let Some(left) = self.left.checked_sub(1) else {
            *self.stop = Some(DocumentError::TooDeep { limit });
            return Err(E::custom("too deep"));
        };
        Ok(Skip { stop: &mut *self.stop, limit, left })
    }

    fn again(&mut self) -> Skip<'_> {
        Skip { stop: &mut *self.stop, limit: self.limit, left: self.left }
    }
}

impl<'de> DeserializeSeed<'de> for Skip<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Skip<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        let mut inner = self.inner()?;
        while seq.next_element_seed(inner.again())?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut inner = self.inner()?;
        while map.next_key::<IgnoredAny>()?.is_some() {
            map.next_value_seed(inner.again())?;
        }
        Ok(())
    }
}

/// A change number: an integer, or a string that contains one. Any other value gives `None`.
pub(super) struct ChangeNumber<'a>(pub(super) Skip<'a>);

impl<'de> DeserializeSeed<'de> for ChangeNumber<'_> {
    type Value = Option<u64>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<u64>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ChangeNumber<'_> {
    type Value = Option<u64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a change number")
    }

    fn visit_u64<E>(self, number: u64) -> Result<Option<u64>, E> {
        Ok(Some(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Option<u64>, E> {
        Ok(text.trim().parse().ok())
    }

    fn visit_unit<E>(self) -> Result<Option<u64>, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Option<u64>, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Option<u64>, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Option<u64>, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Option<u64>, A::Error> {
        self.0.visit_seq(seq).map(|()| None)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<u64>, A::Error> {
        self.0.visit_map(map).map(|()| None)
    }
}
