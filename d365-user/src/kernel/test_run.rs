//! Runs programs on frames of the caller, through `BPF_PROG_TEST_RUN`.
//!
//! The XDP program and the tc programs count such a frame like one that arrived on an interface. Only tests
//! and benchmarks run them this way.

use aya::programs::{ProgramError, SchedClassifier, TestRun as _, TestRunOptions};

use super::{
    interrupted::{PATIENCE, again},
    object::Kernel,
};

/// Offset of the mark in `struct __sk_buff`, and an upper limit for the size of that structure.
const SKB_MARK: usize = 8;
const SKB_SIZE: usize = 256;

/// The result of a tc program for a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcRun {
    /// `TC_ACT_…`.
    pub action: i32,
    /// The frame as the program left it.
    pub frame: Vec<u8>,
    /// The mark as the program left it.
    pub mark: u32,
}

impl Kernel {
    /// Runs one of the object's other programs on `frame` and returns its result. Repeats the run if a signal
    /// interrupts it: a second run of these programs has the same effect as one.
    pub(super) fn ask(&mut self, program: &str, frame: &[u8]) -> Result<u32, ProgramError> {
        let program = self.program_named(program)?;
        again(PATIENCE, || {
            let options = TestRunOptions { data_in: Some(frame), ..TestRunOptions::default() };
            Ok(program.test_run(options)?.return_value)
        })
    }

    /// Runs the XDP program on `frame` (at least 14 bytes) through `BPF_PROG_TEST_RUN` and returns its XDP
    /// action. The program counts the packet on the loopback interface of this network namespace.
    ///
    /// # Errors
    /// The error of aya or of the kernel.
    pub fn test_run(&mut self, frame: &[u8]) -> Result<u32, ProgramError> {
        let options = TestRunOptions { data_in: Some(frame), ..TestRunOptions::default() };
        Ok(self.xdp()?.test_run(options)?.return_value)
    }

    /// Same as [`Kernel::test_run`], and also returns the frame as the program left it.
    ///
    /// # Errors
    /// The error of aya or of the kernel.
    pub fn rewrite(&mut self, frame: &[u8]) -> Result<(u32, Vec<u8>), ProgramError> {
        let mut left = vec![0; frame.len()];
        let options =
            TestRunOptions { data_in: Some(frame), data_out: Some(&mut left), ..TestRunOptions::default() };
        let result = self.xdp()?.test_run(options)?;
        left.truncate(result.data_size_out as usize);
        Ok((result.return_value, left))
    }

    /// Runs a tc program on a packet with this mark through `BPF_PROG_TEST_RUN`. The kernel takes the
    /// protocol from the Ethernet header of `frame`, for a program of devices without one too.
    ///
    /// # Errors
    /// The error of aya or of the kernel.
    pub fn test_run_tc(&mut self, name: &str, frame: &[u8], mark: u32) -> Result<TcRun, ProgramError> {
        let (mut skb, mut left) = ([0; SKB_SIZE], vec![0; frame.len()]);
        let mut marked = [0; SKB_MARK + size_of::<u32>()];
        marked[SKB_MARK..].copy_from_slice(&mark.to_ne_bytes());
        let options = TestRunOptions {
            data_in: Some(frame),
            data_out: Some(&mut left),
            ctx_in: Some(&marked),
            ctx_out: Some(&mut skb),
            ..TestRunOptions::default()
        };
        let result = self.tc(name)?.test_run(options)?;
        left.truncate(result.data_size_out as usize);
        let mark = skb[SKB_MARK..].first_chunk().copied().map_or(0, u32::from_ne_bytes);
        Ok(TcRun { action: result.return_value.cast_signed(), frame: left, mark })
    }

    /// Id of a tc program in the kernel.
    ///
    /// # Errors
    /// The error of aya or of the kernel.
    pub fn tc_program_id(&mut self, name: &str) -> Result<u32, ProgramError> {
        Ok(self.tc(name)?.info()?.id())
    }

    fn tc(&mut self, name: &str) -> Result<&mut SchedClassifier, ProgramError> {
        self.ebpf.program_mut(name).ok_or(ProgramError::NotLoaded)?.try_into()
    }
}
