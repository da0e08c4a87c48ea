//! Runs programs on frames of one's own, through `BPF_PROG_TEST_RUN`.
//!
//! What the XDP program is run on counts as if it had come in: for tests and benchmarks.

use aya::programs::{ProgramError, TestRun as _, TestRunOptions};
use d365_common::record;

use super::{
    interrupted::{PATIENCE, again},
    load::Kernel,
};

impl Kernel {
    /// Runs one of the object's other programs on `frame`, again when a signal interrupts it: what they do is the same when
    /// it is done twice. Returns its result.
    pub(super) fn ask(&mut self, program: &str, frame: &[u8]) -> Result<u32, ProgramError> {
        let program = self.program_named(program)?;
        again(PATIENCE, || {
            let options = TestRunOptions { data_in: Some(frame), ..TestRunOptions::default() };
            Ok(program.test_run(options)?.return_value)
        })
    }

    /// Runs the program on `frame` (at least 14 bytes) through `BPF_PROG_TEST_RUN`; the packet counts,
    /// on the loopback interface of this network namespace. Returns the program's XDP action.
    ///
    /// # Errors
    /// What aya or the kernel says.
    pub fn run(&mut self, frame: &[u8]) -> Result<u32, ProgramError> {
        let options = TestRunOptions { data_in: Some(frame), ..TestRunOptions::default() };
        Ok(self.xdp()?.test_run(options)?.return_value)
    }

    /// As [`Kernel::run`], and returns the frame as the program left it as well.
    ///
    /// # Errors
    /// What aya or the kernel says.
    pub fn rewrite(&mut self, frame: &[u8]) -> Result<(u32, Vec<u8>), ProgramError> {
        let mut left = vec![0; frame.len() + record::LEN];
        let options =
            TestRunOptions { data_in: Some(frame), data_out: Some(&mut left), ..TestRunOptions::default() };
        let result = self.xdp()?.test_run(options)?;
        left.truncate(result.data_size_out as usize);
        // The kernel hands metadata out as well, in front of the frame (from 5.15 on).
        left.drain(..left.len().saturating_sub(frame.len()));
        Ok((result.return_value, left))
    }
}
