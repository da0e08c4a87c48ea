//! The record that the XDP program writes in front of a packet, and that the tc program reads: whether the packet is vouched
//! for, and of which geo.
//!
//! The kernel carries it as metadata. Metadata outlives a veth: what another hop's program wrote comes along, and whoever
//! has a network namespace of his own can write some. So a record is sealed with a key that each load of the programs
//! draws, and names the row of its interface: nothing else is believed for one.

/// Its length in bytes.
pub const LEN: usize = 8;

const VOUCHED: u64 = 1 << 8;
const ROW_SHIFT: u32 = 16;

/// A record: 64 bits in host byte order. As words of 16 bits, for more alignment than that no packet has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Record([u16; LEN / 2]);

const _: () = assert!(size_of::<Record>() == LEN && align_of::<Record>() == 2);

impl Record {
    /// Of a packet in an interface's `row` that is vouched for, with its geo's number, or of one that is not; sealed by
    /// `key`.
    #[inline(always)]
    #[must_use]
    pub const fn of(geo: Option<u8>, row: u32, key: u64) -> Self {
        let said = match geo {
            Some(geo) => VOUCHED | geo as u64,
            None => 0,
        };
        let sealed = key ^ said ^ (row as u64) << ROW_SHIFT;
        let [a, b, c, d, e, f, g, h] = sealed.to_ne_bytes();
        Self([
            u16::from_ne_bytes([a, b]),
            u16::from_ne_bytes([c, d]),
            u16::from_ne_bytes([e, f]),
            u16::from_ne_bytes([g, h]),
        ])
    }

    /// What it says of its packet, as [`Record::of`] was told; `None` when it is not sealed by `key`, or of another row.
    #[inline(always)]
    #[must_use]
    pub const fn read(self, row: u32, key: u64) -> Option<Option<u8>> {
        let [first, second, third, fourth] = self.0;
        let ([a, b], [c, d]) = (first.to_ne_bytes(), second.to_ne_bytes());
        let ([e, f], [g, h]) = (third.to_ne_bytes(), fourth.to_ne_bytes());
        let sealed = u64::from_ne_bytes([a, b, c, d, e, f, g, h]);
        let said = sealed ^ key ^ (row as u64) << ROW_SHIFT;
        if said == 0 {
            Some(None)
        } else if said & !0xff == VOUCHED {
            Some(Some(said.to_le_bytes()[0]))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: u64 = 0x1234_5678_9abc_def0;

    #[test]
    fn what_is_written_is_read() {
        for key in [0, KEY, u64::MAX] {
            for row in [0, 1, 16] {
                for geo in [None, Some(0), Some(1), Some(255)] {
                    assert_eq!(Record::of(geo, row, key).read(row, key), Some(geo));
                }
            }
        }
    }

    #[test]
    fn another_key_or_another_row_says_nothing() {
        for geo in [None, Some(0), Some(33)] {
            let record = Record::of(geo, 1, KEY);
            assert_eq!(record.read(1, KEY ^ 1 << 63), None);
            assert_eq!(record.read(1, KEY ^ 1 << 9), None);
            assert_eq!(record.read(0, KEY), None);
            assert_eq!(record.read(2, KEY), None);
        }
        assert_eq!(Record([0; 4]).read(0, KEY), None);
    }
}
