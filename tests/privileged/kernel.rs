//! The kernel object as tests use it: with new counters, one lease, and frames of the test's own.

use std::{borrow::BorrowMut, time::Duration};

use aya::programs::{ProgramError, TestRun as _, TestRunOptions};
use d365_common::names;
use d365_user::kernel::{Counters, Inherited, Kernel, LeaseError, Leases, LoadError, Options, Store};

/// Offset of the mark in `struct __sk_buff`, and an upper limit for the size of that structure.
const SKB_MARK: usize = 8;
const SKB_SIZE: usize = 256;

/// The result of a tc program for a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TcRun {
    /// `TC_ACT_…`.
    pub(crate) action: i32,
    /// The frame as the program left it.
    pub(crate) frame: Vec<u8>,
    /// The mark as the program left it.
    pub(crate) mark: u32,
}

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

    /// Runs a tc program on a packet with this mark. The kernel takes the protocol from the Ethernet header
    /// of `frame`, for a program of devices without one too.
    fn test_run_tc(&mut self, name: &'static str, frame: &[u8], mark: u32) -> Result<TcRun, ProgramError> {
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
        let result = self.borrow_mut().tc(name).unwrap().test_run(options)?;
        left.truncate(result.data_size_out as usize);
        let mark = skb[SKB_MARK..].first_chunk().copied().map_or(0, u32::from_ne_bytes);
        Ok(TcRun { action: result.return_value.cast_signed(), frame: left, mark })
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
