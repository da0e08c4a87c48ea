//! How the tc program learns which packets are vouched for: from a record that the XDP program wrote, or by looking itself.
//!
//! Whether a record arrives depends on the driver and the mode. Until that was seen, the XDP program writes one for every
//! packet and the tc program counts, and looks itself at whatever comes without one: the mark is right from the first packet
//! on.

/// The way in one interface's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Path {
    /// Not known yet: a record for every packet, and a look at what has none.
    Undecided,
    /// By records, for packets that are vouched for alone.
    Metadata,
    /// The tc program looks itself.
    Classify,
}

impl Path {
    /// By its number in the map.
    #[inline(always)]
    #[must_use]
    pub const fn from_number(number: u32) -> Self {
        match number {
            1 => Self::Metadata,
            2 => Self::Classify,
            _ => Self::Undecided,
        }
    }

    /// The metrics' label value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Undecided => "undecided",
            Self::Metadata => "metadata",
            Self::Classify => "classify",
        }
    }
}

/// What the tc program saw on one CPU while the way was [`Path::Undecided`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Seen {
    /// Packets with a record.
    pub with: u64,
    /// Packets without one.
    pub without: u64,
}

const _: () = assert!(size_of::<Seen>() == 16 && align_of::<Seen>() == 8);

// SAFETY: two `u64`, `repr(C)`, no padding; every bit pattern is a value.
#[cfg(feature = "user")]
unsafe impl aya::Pod for Seen {}
