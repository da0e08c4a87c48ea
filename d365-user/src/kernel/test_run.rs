//! Runs programs on frames of the caller, through `BPF_PROG_TEST_RUN`.
//!
//! The XDP program counts such a frame like one that arrived on an interface. Only tests and benchmarks run
//! the XDP program this way.

use aya::programs::{ProgramError, TestRun as _, TestRunOptions};

use super::{
    interrupted::{PATIENCE, again},
    object::Kernel,
};

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
}
