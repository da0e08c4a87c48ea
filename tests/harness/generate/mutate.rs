//! Changes frames where parsers look.

use super::{LONGEST, random::Random};

/// The headers are within this number of bytes at the front.
const HEADERS: usize = 120;
/// Values that mean something in a header: Ethernet types, ports, protocols, lengths at a limit.
const WORDS: [u16; 16] =
    [0, 1, 5, 20, 25, 40, 0x0800, 0x86dd, 0x8100, 0x88a8, 0x4500, 0x6000, 0x0600, 0x2000, 0x1fff, 0xffff];

/// Changes `frame` in one way. It may get the rest of the frame `other`.
pub(super) fn mutate(random: &mut Random, frame: &mut Vec<u8>, other: &[u8]) {
    // Two bytes fit at this position: it is never at the end of the frame.
    let at = random.below(frame.len().clamp(3, HEADERS) - 2);
    match random.below(8) {
        0 | 1 => frame[at] ^= 1 << random.below(8),
        2 => frame[at] = random.byte(),
        3 | 4 => frame[at..at + 2].copy_from_slice(&random.pick(&WORDS).to_be_bytes()),
        5 => frame.truncate(3 + random.below(frame.len().max(4) - 2)),
        6 => {
            let longer = (frame.len() + 1 + random.below(63)).min(LONGEST);
            frame.resize(longer.max(frame.len()), random.byte());
        }
        _ => {
            // Joins headers that do not belong together.
            frame.truncate(at + 1);
            frame.extend(other.get(at + 1..).unwrap_or_default());
            frame.resize(frame.len().max(4), 0);
        }
    }
}
