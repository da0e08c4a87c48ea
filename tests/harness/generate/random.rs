//! Choices by a seed: the same seed, the same choices.

use oorandom::Rand64;

/// A source of choices.
#[derive(Debug)]
pub(super) struct Random(Rand64);

impl Random {
    /// From a seed.
    pub(super) fn new(seed: u64) -> Self {
        Self(Rand64::new(u128::from(seed)))
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.0.rand_range(0..end as u64)).expect("below a usize")
    }

    /// True one time in `times`.
    pub(super) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of these.
    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// Any byte.
    pub(super) fn byte(&mut self) -> u8 {
        self.eight()[7]
    }

    /// Any two bytes.
    pub(super) fn word(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    /// Any 128 bits.
    pub(super) fn address(&mut self) -> u128 {
        u128::from(self.0.rand_u64()) << 64 | u128::from(self.0.rand_u64())
    }

    /// Any `len` bytes.
    pub(super) fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..len.div_ceil(8)).flat_map(|_| self.eight()).collect();
        bytes.truncate(len);
        bytes
    }

    fn eight(&mut self) -> [u8; 8] {
        self.0.rand_u64().to_le_bytes()
    }
}
