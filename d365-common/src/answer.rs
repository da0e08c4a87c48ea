//! The result of `d365_prove`: its classification, packed into the `u32` that `BPF_PROG_TEST_RUN` returns.
//!
//! ```text
//!  31       28 27      26 25                 0
//! ┌───────────┬──────────┬────────────────────┐
//! │ of entry  │ answer   │ entry, or reason   │
//! └───────────┴──────────┴────────────────────┘
//! ```
//! `answer` is in the two bits that an [`Entry`] leaves free: 0 for a reason, 1 for an unlisted source, 2 for
//! a listed one, 3 for a listed one whose packet may be tagged. 2 and 3 are the same lookup result.

use crate::{classification::Classification, entry::Entry};

const ANSWER: u32 = 0b11 << 26;
const UNLISTED: u32 = 0b01 << 26;
const LISTED: u32 = 0b10 << 26;
const TAGGABLE: u32 = 0b11 << 26;

/// A packed [`Classification`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer(u32);

impl Answer {
    /// Packs a classification.
    #[inline(always)]
    #[must_use]
    pub fn of(classification: &Classification) -> Self {
        match classification {
            Classification::Listed(entry, _) => Self(LISTED | entry.bits()),
            Classification::Unlisted(_) => Self(UNLISTED),
            Classification::Other(reason) => Self(*reason as u32),
        }
    }

    /// Adds to the answer that the packet may be tagged, if `is_taggable` is true and the source is listed.
    #[inline(always)]
    #[must_use]
    pub const fn with_taggable(self, is_taggable: bool) -> Self {
        if is_taggable && self.0 & ANSWER == LISTED { Self(self.0 | TAGGABLE) } else { self }
    }

    /// The program's result.
    #[inline(always)]
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Reads the lookup result out of the program's result: `Some(None)` for an unlisted source, `None` if
    /// the packet is not a segment to a watched port.
    #[must_use]
    pub const fn found(bits: u32) -> Option<Option<Entry>> {
        match bits & ANSWER {
            LISTED | TAGGABLE => Some(Some(Entry::from_bits(bits & !ANSWER))),
            UNLISTED if bits == UNLISTED => Some(None),
            _ => None,
        }
    }

    /// True if the program's result allows a tag: the source is listed, the range is not retired (or retired
    /// ranges are tagged too), and the lease has not ended.
    #[must_use]
    pub const fn is_taggable(bits: u32) -> bool {
        bits & ANSWER == TAGGABLE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{Reason, Segment, Source};

    #[test]
    fn verdicts_come_back() {
        let segment = Segment { source: Source::v4([0; 4]), opens: true, network: 14 };
        let entry = Entry::new(262_143, 255).unwrap();
        let found = |classification| Answer::found(Answer::of(&classification).bits());
        assert_eq!(found(Classification::Listed(entry, segment)), Some(Some(entry)));
        assert_eq!(found(Classification::Listed(Entry::new(0, 0).unwrap(), segment)), Some(Entry::new(0, 0)));
        assert_eq!(found(Classification::Unlisted(segment)), Some(None));
        for reason in Reason::ALL {
            assert_eq!(found(Classification::Other(reason)), None);
        }
    }

    #[test]
    fn the_taggable_bit_changes_nothing_of_what_was_found() {
        let segment = Segment { source: Source::v4([0; 4]), opens: true, network: 14 };
        let last = Entry::new(262_143, 255).unwrap().in_group(7);
        for entry in [last, Entry::new(0, 0).unwrap().retire()] {
            let answer = Answer::of(&Classification::Listed(entry, segment));
            for is_taggable in [false, true] {
                let bits = answer.with_taggable(is_taggable).bits();
                assert_eq!(
                    (Answer::found(bits), Answer::is_taggable(bits)),
                    (Some(Some(entry)), is_taggable)
                );
            }
        }
        let unlisted = Answer::of(&Classification::Unlisted(segment)).with_taggable(true).bits();
        assert_eq!((Answer::found(unlisted), Answer::is_taggable(unlisted)), (Some(None), false));
    }
}
