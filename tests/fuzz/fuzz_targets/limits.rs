//! Limits that every target checks: memory and processor time. The allocator of the whole program counts the
//! memory; libFuzzer's own memory does not come from this allocator. Processor time does not grow on a busy
//! machine.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The most processor time that any input may take. libFuzzer's `-timeout` finds an input that never ends.
const TIME: Duration = Duration::from_secs(1);

/// The most memory that may be in use at one time.
pub(crate) struct Limits {
    /// Bytes allowed for every input.
    pub(crate) fixed: usize,
    /// Further bytes allowed for each byte of the input.
    pub(crate) for_each_byte: usize,
}

impl Limits {
    /// Runs `check` with the input. Panics if it takes more memory or time than allowed.
    pub(crate) fn hold(&self, input: &[u8], check: impl FnOnce(&[u8])) {
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let begun = spent();
        check(input);
        let time = spent().saturating_sub(begun);
        let taken = MEMORY.peak_usage().saturating_sub(before);
        let most = self.fixed + self.for_each_byte * input.len();
        assert!(taken <= most, "{taken} bytes for an input of {}: more than {most}", input.len());
        assert!(time <= TIME, "{time:?} for an input of {} bytes: more than {TIME:?}", input.len());
    }
}

/// Processor time that this thread has used.
fn spent() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("Linux has this clock").into()
}
