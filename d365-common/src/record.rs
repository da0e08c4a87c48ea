//! The record that the XDP program writes in front of a packet, and that the tc program reads: whether the packet is vouched
//! for, and of which geo.
//!
//! Two `u32` in host byte order, which the kernel carries as metadata from one to the other and that never leaves the host.
//! Nothing else is believed for one: what has another length or another first word is somebody else's metadata.

/// Its length in bytes.
pub const LEN: usize = 8;

/// "D365", in memory as it is written.
const MAGIC: u32 = u32::from_ne_bytes(*b"D365");
const VOUCHED: u32 = 1 << 8;

/// A record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Record {
    magic: u32,
    word: u32,
}

const _: () = assert!(size_of::<Record>() == LEN);

impl Record {
    /// Of a packet that is vouched for, with its geo's number, or of one that is not.
    #[inline(always)]
    #[must_use]
    pub const fn of(geo: Option<u8>) -> Self {
        let word = match geo {
            Some(geo) => VOUCHED | geo as u32,
            None => 0,
        };
        Self { magic: MAGIC, word }
    }

    /// Whether it is one of ours.
    #[inline(always)]
    #[must_use]
    pub const fn is_ours(self) -> bool {
        self.magic == MAGIC
    }

    /// What it says of its packet: as [`Record::of`] was told. `None` too when it is not ours.
    #[inline(always)]
    #[must_use]
    pub const fn geo(self) -> Option<u8> {
        if self.is_ours() && self.word & VOUCHED != 0 { Some(self.word.to_le_bytes()[0]) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for geo in [None, Some(0), Some(1), Some(255)] {
            let record = Record::of(geo);
            assert!(record.is_ours());
            assert_eq!(record.geo(), geo);
        }
    }

    #[test]
    fn another_magic_says_nothing() {
        let record = Record { magic: MAGIC ^ 1, word: VOUCHED };
        assert_eq!((record.is_ours(), record.geo()), (false, None));
    }
}
