//! Choices from a seed: the same seed gives the same choices.

use oorandom::Rand64;

#[derive(Debug)]
pub(super) struct Random(Rand64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(Rand64::new(u128::from(seed)))
    }

    /// Returns a number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.0.rand_range(0..end as u64)).expect("below a usize")
    }

    /// Returns true in one of `times` cases on average.
    pub(super) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.eight()[7]
    }

    /// Any two bytes, as a number.
    pub(super) fn word(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    /// Any 128 bits.
    pub(super) fn address(&mut self) -> u128 {
        u128::from(self.0.rand_u64()) << 64 | u128::from(self.0.rand_u64())
    }

    /// Returns `len` random bytes.
    pub(super) fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..len.div_ceil(8)).flat_map(|_| self.eight()).collect();
        bytes.truncate(len);
        bytes
    }

    fn eight(&mut self) -> [u8; 8] {
        self.0.rand_u64().to_le_bytes()
    }
}
