//! How the tc program learns which packets are vouched for: from a record that the XDP program wrote, or by looking itself.
//!
//! Whether a record arrives depends on the driver, the mode and the kernel. The tc program looks itself at whatever comes
//! without one, so that the mark is right by either way and from the first packet on; the way is a matter of cost.

/// The way in one interface's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Path {
    /// Not known yet: as [`Path::Metadata`].
    Undecided,
    /// The XDP program writes a record for every packet; the tc program looks itself at what comes without.
    Metadata,
    /// The XDP program writes none, the tc program believes none and looks itself.
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

/// What the tc program saw on one CPU while the way was not [`Path::Classify`].
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
