//! The kernel object as tests use it: with new counters, one lease, and frames of the test's own.

use std::{borrow::BorrowMut, time::Duration};

use aya::programs::{ProgramError, TestRun as _, TestRunOptions};
use d365_common::names;
use d365_user::kernel::{Counters, Inherited, Kernel, LeaseError, Leases, LoadError, Options, Store};

pub(crate) trait KernelExt: BorrowMut<Kernel> {
    /// Loads `object` with new counters.
    fn load(object: &[u8], options: &Options) -> Result<(Kernel, Counters), LoadError> {
        Self::load_one_of(&names::PROGRAMS, object, options)
    }

    /// Loads `object` with new counters, and with the first of `programs` that the kernel accepts.
    fn load_one_of(
        programs: &[&'static str],
        object: &[u8],
        options: &Options,
    ) -> Result<(Kernel, Counters), LoadError> {
        let interfaces = u32::try_from(options.interfaces.len()).unwrap();
        let (counters, _) = Inherited::default().counters(interfaces, options.capacity)?;
        Ok((Kernel::load_with(programs, object, options, &counters, Store::default())?, counters))
    }

    /// Runs the XDP program on a frame and returns its action. The program counts the packet on the loopback.
    fn test_run(&mut self, frame: &[u8]) -> Result<u32, ProgramError> {
        Ok(self.rewrite(frame)?.0)
    }

    /// Same as `test_run`, and also returns the frame as the program left it.
    fn rewrite(&mut self, frame: &[u8]) -> Result<(u32, Vec<u8>), ProgramError> {
        let program = self.borrow().program_name();
        run(self.borrow_mut(), program, frame)
    }

    /// Classifies a frame by the generation that was verified last, and returns the bits of an
    /// [`Answer`](d365_common::answer::Answer). Counts nothing.
    fn answer(&mut self, frame: &[u8]) -> Result<u32, ProgramError> {
        Ok(run(self.borrow_mut(), names::PROGRAM_PROVE, frame)?.0)
    }

    /// Sets all leases to the same time.
    fn set_lease(&mut self, left: Option<Duration>) -> Result<(), LeaseError> {
        self.borrow_mut().set_leases(&Leases::all(left))
    }
}

impl KernelExt for Kernel {}

fn run(kernel: &mut Kernel, program: &str, frame: &[u8]) -> Result<(u32, Vec<u8>), ProgramError> {
    let mut left = vec![0; frame.len()];
    let options =
        TestRunOptions { data_in: Some(frame), data_out: Some(&mut left), ..TestRunOptions::default() };
    let result = kernel.program_named(program)?.test_run(options)?;
    left.truncate(result.data_size_out as usize);
    Ok((result.return_value, left))
}
