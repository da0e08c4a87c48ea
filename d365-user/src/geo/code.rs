//! A geo: its code, and the origin of the code.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// A geo: three upper-case ASCII letters, the vendor's documented code or an ISO 3166-1 alpha-3 code.
///
/// Its number and its name are in [`REGISTER`](super::REGISTER).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct GeoCode(pub(super) [u8; 3]);

/// The origin of a geo, the most trusted first. If two sources name the same geo, the first of the two in
/// this order is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GeoSource {
    /// The vendor's table of ranges names it.
    Documented,
    /// Inferred from the Azure region of the range.
    Inferred,
    /// The operator's own list names it.
    Configured,
    /// The geo is unknown; its code is `ZZZ`.
    Unknown,
}

/// A geo and its origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Geo {
    /// The code.
    #[serde(rename = "geo")]
    pub code: GeoCode,
    /// The origin of the code.
    #[serde(rename = "geo_source")]
    pub source: GeoSource,
}

impl GeoCode {
    /// The code of a range whose geo is unknown: ISO 3166-1 leaves ZZA to ZZZ to its users.
    pub const UNKNOWN: Self = Self(*b"ZZZ");

    /// The code with these three letters; `None` unless all are upper-case ASCII letters.
    #[must_use]
    pub fn new(code: &str) -> Option<Self> {
        let bytes: [u8; 3] = code.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_uppercase).then_some(Self(bytes))
    }

    /// The three letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("ZZZ")
    }
}

impl TryFrom<String> for GeoCode {
    type Error = &'static str;

    fn try_from(code: String) -> Result<Self, Self::Error> {
        Self::new(&code).ok_or("a geo is three upper-case letters")
    }
}

impl Serialize for GeoCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for GeoCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl GeoSource {
    /// All origins, the most trusted first.
    pub const ALL: [Self; 4] = [Self::Documented, Self::Inferred, Self::Configured, Self::Unknown];

    /// The value of the label `geo_source`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Inferred => "inferred",
            Self::Configured => "configured",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for GeoSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Geo {
    /// The geo of a range for which no source names one.
    pub const UNKNOWN: Self = Self { code: GeoCode::UNKNOWN, source: GeoSource::Unknown };
}

impl fmt::Display for Geo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.code, self.source)
    }
}
