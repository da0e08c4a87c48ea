//! Frames without end: the corpus's, mutated where parsers look, and plain noise. A seed gives the same frames again.

use oorandom::Rand64;

use crate::corpus;

/// The longest base: what fits the first buffer of a test run (`net/bpf/test_run.c`).
const LONGEST: usize = 3000;
/// The shortest frame: an Ethernet header, less than which no test run takes.
const SHORTEST: usize = 14;
/// Headers are in front.
const HEADERS: usize = 120;
/// Values that mean something somewhere: types of Ethernet, ports, protocols, lengths at the edge.
const WORDS: [u16; 16] =
    [0, 1, 5, 20, 25, 40, 0x0800, 0x86dd, 0x8100, 0x88a8, 0x4500, 0x6000, 0x0600, 0x2000, 0x1fff, 0xffff];

/// A source of frames.
#[derive(Debug)]
pub struct Frames {
    random: Rand64,
    bases: Vec<Vec<u8>>,
}

impl Frames {
    /// By the corpus, from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let bases = corpus::all().into_iter().map(|case| case.frame);
        let bases = bases.filter(|frame| (SHORTEST..=LONGEST).contains(&frame.len())).collect();
        Self { random: Rand64::new(u128::from(seed)), bases }
    }

    /// Puts the next frame into `frame`: 14 bytes or more.
    pub fn next_into(&mut self, frame: &mut Vec<u8>) {
        frame.clear();
        if self.below(50) == 0 {
            let len = SHORTEST + self.below(386);
            frame.extend((0..len).map(|_| byte(&mut self.random)));
            return;
        }
        let base = self.below(self.bases.len());
        frame.extend(&self.bases[base]);
        for _ in 0..self.below(5) {
            self.mutate(frame);
        }
        if frame.len() < SHORTEST {
            frame.resize(SHORTEST, 0);
        }
    }

    fn mutate(&mut self, frame: &mut Vec<u8>) {
        // Never at the end of the frame: two bytes fit.
        let at = self.below(frame.len().clamp(3, HEADERS) - 2);
        match self.below(8) {
            0 | 1 => frame[at] ^= 1 << self.below(8),
            2 => frame[at] = byte(&mut self.random),
            3 | 4 => {
                let word = WORDS[self.below(WORDS.len())].to_be_bytes();
                frame[at..at + 2].copy_from_slice(&word);
            }
            5 => frame.truncate(3 + self.below(frame.len().max(4) - 2)),
            6 => {
                let longer = (frame.len() + 1 + self.below(63)).min(LONGEST);
                frame.resize(longer.max(frame.len()), byte(&mut self.random));
            }
            _ => {
                // The rest of another frame: headers that do not belong together.
                let other = self.below(self.bases.len());
                frame.truncate(at + 1);
                frame.extend(self.bases[other].get(at + 1..).unwrap_or_default());
                frame.resize(frame.len().max(4), 0);
            }
        }
    }

    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.random.rand_range(0..end as u64)).expect("below a usize")
    }
}

fn byte(random: &mut Rand64) -> u8 {
    random.rand_u64().to_le_bytes()[7]
}

#[cfg(test)]
mod tests {
    use super::Frames;

    #[test]
    fn a_seed_gives_the_same_frames_again_and_another_gives_others() {
        let hundred = |seed| {
            let (mut frames, mut frame) = (Frames::new(seed), Vec::new());
            let next = |_| {
                frames.next_into(&mut frame);
                frame.clone()
            };
            (0..100).map(next).collect::<Vec<_>>()
        };
        assert_eq!(hundred(1), hundred(1));
        assert_ne!(hundred(1), hundred(2));
        assert!(hundred(3).iter().all(|frame| frame.len() >= 14));
    }
}
