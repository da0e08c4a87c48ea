//! Frames without end: the corpus's, mutated where parsers look, and plain noise. A seed gives the same frames again.

use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng, seq::IndexedRandom as _};

use crate::corpus;

/// The longest base: what fits the first buffer of a test run (net/bpf/test_run.c).
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
    random: SmallRng,
    bases: Vec<Vec<u8>>,
}

impl Frames {
    /// By the corpus, from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let bases = corpus::all().into_iter().map(|case| case.frame);
        let bases = bases.filter(|frame| (SHORTEST..=LONGEST).contains(&frame.len())).collect();
        Self { random: SmallRng::seed_from_u64(seed), bases }
    }

    /// Puts the next frame into `frame`: 14 bytes or more.
    pub fn next_into(&mut self, frame: &mut Vec<u8>) {
        frame.clear();
        if self.random.random_ratio(1, 50) {
            frame.resize(self.random.random_range(SHORTEST..400), 0);
            self.random.fill(&mut frame[..]);
            return;
        }
        let base = self.bases.choose(&mut self.random).expect("the corpus is not empty");
        frame.extend(base);
        for _ in 0..self.random.random_range(0..5) {
            self.mutate(frame);
        }
        if frame.len() < SHORTEST {
            frame.resize(SHORTEST, 0);
        }
    }

    fn mutate(&mut self, frame: &mut Vec<u8>) {
        let random = &mut self.random;
        // Never at the end of the frame: two bytes fit.
        let at = random.random_range(0..frame.len().clamp(3, HEADERS) - 2);
        match random.random_range(0..8) {
            0 | 1 => frame[at] ^= 1 << random.random_range(0..8),
            2 => frame[at] = random.random(),
            3 | 4 => {
                let word = WORDS.choose(random).expect("there are words").to_be_bytes();
                frame[at..at + 2].copy_from_slice(&word);
            }
            5 => frame.truncate(random.random_range(3..=frame.len().max(4))),
            6 => {
                let longer = (frame.len() + random.random_range(1..64)).min(LONGEST);
                frame.resize(longer.max(frame.len()), random.random());
            }
            _ => {
                // The rest of another frame: headers that do not belong together.
                let other = self.bases.choose(random).expect("the corpus is not empty");
                frame.truncate(at + 1);
                frame.extend(other.get(at + 1..).unwrap_or_default());
                frame.resize(frame.len().max(4), 0);
            }
        }
    }
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
