//! `BPF_PROG_TEST_RUN`: runs a program once, measures many runs of a program, or makes a program send frames.

use anyhow::{Context as _, Result};
use nix::time::{ClockId, clock_gettime};

use super::{Program, call, command};

const BPF_F_TEST_XDP_LIVE_FRAMES: u32 = 1 << 1;
/// Frames that the kernel creates at once; this is the kernel's own default.
const BATCH: u32 = 64;

#[repr(C)]
#[derive(Default)]
struct TestRun {
    program: u32,
    returned: u32,
    size_in: u32,
    size_out: u32,
    frame_in: u64,
    frame_out: u64,
    repeat: u32,
    duration: u32,
    context_size_in: u32,
    context_size_out: u32,
    context_in: u64,
    context_out: u64,
    flags: u32,
    cpu: u32,
    batch: u32,
    padding: u32,
}

/// `struct xdp_md`.
#[repr(C)]
#[derive(Default)]
struct Context {
    start: u32,
    end: u32,
    metadata: u32,
    ingress_ifindex: u32,
    rx_queue: u32,
    egress_ifindex: u32,
}

impl Program {
    /// Runs it once and returns its action.
    pub fn run(&self, frame: &[u8]) -> Result<u32> {
        Ok(self.test_run(frame, 1)?.returned)
    }

    /// Runs it once on a frame whose first buffer has `first` bytes, and the rest of it in further buffers
    /// (Linux 6.18); returns its XDP action.
    pub fn run_in_buffers(&self, frame: &[u8], first: usize) -> Result<u32> {
        let context = Context { end: u32::try_from(first)?, ..Context::default() };
        let mut run = TestRun {
            context_size_in: u32::try_from(size_of::<Context>())?,
            context_in: (&raw const context) as u64,
            ..self.request(frame, 1)?
        };
        // SAFETY: frame and context live until the call returns.
        unsafe { call(command::PROG_TEST_RUN, &mut run) }.context("BPF_PROG_TEST_RUN in several buffers")?;
        Ok(run.returned)
    }

    /// Returns the nanoseconds that one of `repeat` runs takes.
    ///
    /// The kernel's own figure is in whole nanoseconds. This figure is the thread's processor time over the
    /// whole call. The call's own cost, some 50 µs, is the same for every program, so it is not part of a
    /// difference of two figures. Waiting, and other users of the processor, are not included.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53 ns")]
    pub fn time(&self, frame: &[u8], repeat: u32) -> Result<f64> {
        let before = processor_time()?;
        self.test_run(frame, repeat)?;
        Ok((processor_time()? - before) as f64 / f64::from(repeat))
    }

    /// Runs the program `repeat` times, as if the frame had arrived on the interface `ifindex` of this
    /// thread's network namespace. A frame that the program answers with `XDP_TX` is sent out there (live
    /// frames, Linux 5.18).
    pub fn send(&self, frame: &[u8], ifindex: u32, repeat: u32) -> Result<()> {
        let size = u32::try_from(frame.len())?;
        let context = Context { end: size, ingress_ifindex: ifindex, ..Context::default() };
        let mut run = TestRun {
            context_size_in: u32::try_from(size_of::<Context>())?,
            context_in: (&raw const context) as u64,
            flags: BPF_F_TEST_XDP_LIVE_FRAMES,
            batch: BATCH,
            ..self.request(frame, repeat)?
        };
        // SAFETY: frame and context live until the call returns.
        unsafe { call(command::PROG_TEST_RUN, &mut run) }.context("cannot send live frames (Linux 5.18)")?;
        Ok(())
    }

    fn test_run(&self, frame: &[u8], repeat: u32) -> Result<TestRun> {
        let mut run = self.request(frame, repeat)?;
        // SAFETY: the frame lives until the call returns.
        unsafe { call(command::PROG_TEST_RUN, &mut run) }.context("BPF_PROG_TEST_RUN")?;
        Ok(run)
    }

    fn request(&self, frame: &[u8], repeat: u32) -> Result<TestRun> {
        Ok(TestRun {
            program: self.fd().cast_unsigned(),
            size_in: u32::try_from(frame.len())?,
            frame_in: frame.as_ptr() as u64,
            repeat,
            ..TestRun::default()
        })
    }
}

/// Processor time of this thread, in nanoseconds.
fn processor_time() -> Result<i64> {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
    Ok(time.tv_sec() * 1_000_000_000 + time.tv_nsec())
}
