//! Endless sources of frames. Each starts from a seed, and the same seed gives the same frames again.
//! [`Frames`] mutates the corpus where parsers look. [`Layers`] builds whole frames layer by layer.

mod layers;
mod mutate;
mod random;
mod sources;

use std::{
    io::{self, Write as _},
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use ipnet::IpNet;

pub use self::layers::Layers;
use self::{mutate::mutate, random::Random};
use crate::corpus;

/// The longest base. It fits the first buffer of a test run: a page less head and tail room
/// (`net/bpf/test_run.c`).
pub const LONGEST: usize = 3000;
/// The shortest frame: an Ethernet header. A test run rejects shorter frames.
pub const SHORTEST: usize = 14;

/// Returns the number of frames that a test sends, and its seed. They come from `D365_FRAMES` and
/// `D365_SEED`, otherwise from `frames` and the time. The number is divided by `share`. Prints both and the
/// test's name past the capture of libtest, which hides the output of a passing test.
///
/// # Panics
/// If a variable does not hold a number.
pub fn asked(frames: u64, share: u64) -> (u64, u64) {
    let number = |name: &str| {
        let text = std::env::var(name).ok();
        text.map(|text| text.parse::<u64>().unwrap_or_else(|_| panic!("{name}={text} is no number")))
    };
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock past 1970");
    let frames = number("D365_FRAMES").unwrap_or(frames) / share;
    let seed = number("D365_SEED").unwrap_or(since_1970.as_secs());
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test");
    let _ = writeln!(io::stderr(), "{test}: {frames} frames; D365_SEED={seed} sends them again");
    (frames, seed)
}

/// A source of mutated frames of the corpus, and of some noise.
#[derive(Debug)]
pub struct Frames {
    random: Random,
    bases: Vec<Vec<u8>>,
}

impl Frames {
    /// Starts from a seed.
    pub fn new(seed: u64) -> Self {
        let bases = corpus::all().into_iter().map(|case| case.frame);
        let bases = bases.filter(|frame| (SHORTEST..=LONGEST).contains(&frame.len())).collect();
        Self { random: Random::new(seed), bases }
    }

    /// Puts the next frame into `frame`: 14 bytes or more.
    pub fn next_into(&mut self, frame: &mut Vec<u8>) {
        frame.clear();
        if self.random.one_in(50) {
            let len = SHORTEST + self.random.below(386);
            frame.extend(self.random.bytes(len));
            return;
        }
        let base = self.random.below(self.bases.len());
        frame.extend(&self.bases[base]);
        for _ in 0..self.random.below(5) {
            let other = self.random.below(self.bases.len());
            mutate(&mut self.random, frame, &self.bases[other]);
        }
        if frame.len() < SHORTEST {
            frame.resize(SHORTEST, 0);
        }
    }
}

/// Yields two layered frames and a mutated one in turn, without end. `list` and `ports` are those of
/// [`Layers::new`].
pub fn mixed(seed: u64, list: &[IpNet], ports: &[u16]) -> impl Iterator<Item = Vec<u8>> {
    let (mut layers, mut mutated) = (Layers::new(seed, list, ports), Frames::new(seed));
    (0..3).cycle().map(move |turn| {
        let mut frame = Vec::new();
        match turn {
            2 => mutated.next_into(&mut frame),
            _ => layers.next_into(&mut frame),
        }
        frame
    })
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, Layers, SHORTEST, mixed};

    #[test]
    fn a_seed_gives_the_same_frames_again_and_another_gives_others() {
        let list = ["192.0.2.0/24", "2001:db8::/32"].map(|net| net.parse().unwrap());
        let some = |seed| mixed(seed, &list, &[25]).take(300).collect::<Vec<_>>();
        assert_eq!(some(1), some(1));
        assert_ne!(some(1), some(2));
        assert!(some(3).iter().all(|frame| frame.len() >= SHORTEST));
    }

    #[test]
    fn few_frames_are_longer_than_the_first_buffer_and_some_than_a_length_field_says() {
        const STATED: usize = 14 + 40 + 65_535;
        let mut layers = Layers::new(1, &[], &[25]);
        let (mut jumbo, mut batches) = (0, 0);
        for _ in 0..20_000 {
            let mut frame = Vec::new();
            layers.next_into(&mut frame);
            jumbo += usize::from((LONGEST + 1..60_000).contains(&frame.len()));
            batches += usize::from(frame.len() > STATED);
        }
        assert!((5..500).contains(&jumbo) && (5..500).contains(&batches), "{jumbo}, {batches}");
    }
}
