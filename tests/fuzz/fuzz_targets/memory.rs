//! What a target may allocate: counted by the allocator of the whole program, which libFuzzer's own memory does not come from.

use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The most that may be allocated at one time.
pub(crate) struct Bound {
    /// Bytes, whatever the input.
    pub(crate) fixed: usize,
    /// Bytes for each byte of the input.
    pub(crate) for_each_byte: usize,
}

impl Bound {
    /// Runs `check` with the input, and panics when it takes more.
    pub(crate) fn holds(&self, input: &[u8], check: impl FnOnce(&[u8])) {
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        check(input);
        let taken = MEMORY.peak_usage().saturating_sub(before);
        let most = self.fixed + self.for_each_byte * input.len();
        assert!(taken <= most, "{taken} bytes for an input of {}: more than {most}", input.len());
    }
}
