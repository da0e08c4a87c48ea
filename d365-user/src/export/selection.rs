//! The choice of ranges for an export.

use std::fmt::Write as _;

use ipnet::IpNet;

use crate::{geo::GeoCode, published::PublishedRange};

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// The treatment of ranges whose lease has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnLapse {
    /// They stay, and the first line of the export shows it.
    #[default]
    Keep,
    /// There is no export.
    Fail,
    /// They are left out. If no other range is left, the export is empty.
    Empty,
}

/// The choice of ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The geos; all if it is empty.
    pub geos: Vec<GeoCode>,
    /// The address family; `None` for both.
    pub family: Option<Family>,
    /// True if ranges that have left the list a short time ago are included.
    pub include_retired: bool,
    /// The treatment of ranges whose lease has ended.
    pub on_lapse: OnLapse,
}

impl Family {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// The family of a prefix.
    #[must_use]
    pub const fn of(prefix: &IpNet) -> Self {
        match prefix {
            IpNet::V4(_) => Self::V4,
            IpNet::V6(_) => Self::V6,
        }
    }

    /// The value of `--family`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
        }
    }
}

impl OnLapse {
    /// All values.
    pub const ALL: [Self; 3] = [Self::Keep, Self::Fail, Self::Empty];

    /// The value of `--on-lapse`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Fail => "fail",
            Self::Empty => "empty",
        }
    }
}

impl Selection {
    /// Returns true if the range is of these geos and of this family.
    pub(super) fn has(&self, range: &PublishedRange) -> bool {
        let is_of_family = self.family.is_none_or(|family| family == Family::of(&range.prefix));
        is_of_family && (self.geos.is_empty() || self.geos.contains(&range.geo.code))
    }

    /// The flags of `export` that make this selection, each after a space.
    pub(super) fn flags(&self) -> String {
        let mut flags = String::new();
        // Writing to a string cannot fail.
        for geo in &self.geos {
            let _ = write!(flags, " --geo {geo}");
        }
        if let Some(family) = self.family {
            let _ = write!(flags, " --family {}", family.as_str());
        }
        if self.include_retired {
            flags.push_str(" --include-retired");
        }
        if self.on_lapse != OnLapse::default() {
            let _ = write!(flags, " --on-lapse {}", self.on_lapse.as_str());
        }
        flags
    }
}
