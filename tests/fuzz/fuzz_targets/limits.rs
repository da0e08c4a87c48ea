//! What a target may take: memory, counted by the allocator of the whole program, which libFuzzer's own does not come from,
//! and time of the processor, which a busy machine does not lengthen.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The most time that any input may take. What never ends is libFuzzer's `-timeout` to find.
const TIME: Duration = Duration::from_secs(1);

/// The most memory that there may be at one time.
pub(crate) struct Limits {
    /// Bytes, whatever the input.
    pub(crate) fixed: usize,
    /// Bytes for each byte of the input.
    pub(crate) for_each_byte: usize,
}

impl Limits {
    /// Runs `check` with the input, and panics when it takes more.
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

/// Time of the processor that this thread has had.
fn spent() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("Linux has this clock").into()
}
