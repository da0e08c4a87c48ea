//! What the proving program answers: its verdict, packed into the result that `BPF_PROG_TEST_RUN` returns.
//!
//! ```text
//!  31      30        29                           0
//! ┌────────┬──────────┬───────────────────────────┐
//! │ listed │ unlisted │ entry, or reason          │
//! └────────┴──────────┴───────────────────────────┘
//! ```

use crate::{entry::Entry, verdict::Verdict};

const LISTED: u32 = 1 << 31;
const UNLISTED: u32 = 1 << 30;

/// A packed verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer(u32);

impl Answer {
    /// Packs a verdict.
    #[inline(always)]
    #[must_use]
    pub fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Listed(entry, _) => Self(LISTED | entry.bits()),
            Verdict::Unlisted(_) => Self(UNLISTED),
            Verdict::Other(reason) => Self(*reason as u32),
        }
    }

    /// The program's result.
    #[inline(always)]
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// What a look-up found, out of the program's result: `Some(None)` for an unlisted source, `None` when the
    /// packet was not taken for a segment to a watched port.
    #[must_use]
    pub const fn found(bits: u32) -> Option<Option<Entry>> {
        if bits & LISTED != 0 {
            Some(Some(Entry::from_bits(bits & !LISTED)))
        } else if bits == UNLISTED {
            Some(None)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{Reason, Segment, Source};

    #[test]
    fn verdicts_come_back() {
        let segment = Segment { source: Source::V4([0; 4]), opens: true };
        let entry = Entry::new(262_143, 255).unwrap();
        let found = |verdict| Answer::found(Answer::of(&verdict).bits());
        assert_eq!(found(Verdict::Listed(entry, segment)), Some(Some(entry)));
        assert_eq!(found(Verdict::Listed(Entry::new(0, 0).unwrap(), segment)), Some(Entry::new(0, 0)));
        assert_eq!(found(Verdict::Unlisted(segment)), Some(None));
        for reason in [Reason::OtherPort, Reason::TooManyHeaders, Reason::Malformed] {
            assert_eq!(found(Verdict::Other(reason)), None);
        }
    }
}
