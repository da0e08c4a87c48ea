//! The loaded object: its programs, its maps and its links. The other files of this folder add its methods.

use std::collections::BTreeSet;

use aya::{
    Ebpf,
    maps::{Array, MapData},
    programs::{ProgramError, TestRun as _, TestRunOptions, Xdp},
};
use d365_common::{lease::Ends, names::MAX_INTERFACES};

use super::{
    buffers::Buffers,
    interrupted::{PATIENCE, again},
    links::Links,
    tries::Tries,
};

/// The kernel object, with all programs and maps, that is built into this daemon.
pub static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/d365"));

/// The loaded object. Dropping it ends drops, and detaches the programs from every interface, unless the
/// store holds the links too.
pub struct Kernel {
    pub(super) ebpf: Ebpf,
    pub(super) buffers: Buffers,
    pub(super) failsafe: Tries,
    pub(super) leases: Array<MapData, Ends>,
    /// The index of each row's interface.
    pub(super) ifindexes: Array<MapData, [u32; MAX_INTERFACES]>,
    pub(super) links: Links,
    /// A watched port, for the frames of a verification.
    pub(super) port: u16,
    pub(super) program: &'static str,
    /// The indexes of interfaces whose drivers interrupt traffic, as the log has reported.
    pub(super) warned: BTreeSet<u32>,
}

impl Kernel {
    /// The links, which keep the programs on the interfaces.
    #[must_use]
    pub fn links(&self) -> Links {
        self.links.clone()
    }

    /// Name of the XDP program that this kernel accepted.
    #[must_use]
    pub fn program_name(&self) -> &'static str {
        self.program
    }

    /// The XDP program's id in the kernel, as in `bpftool prog show`.
    ///
    /// # Errors
    /// The error of aya or the kernel.
    pub fn program_id(&mut self) -> Result<u32, ProgramError> {
        Ok(self.xdp()?.info()?.id())
    }

    pub(super) fn xdp(&mut self) -> Result<&mut Xdp, ProgramError> {
        self.program_named(self.program)
    }

    /// The XDP program with this name.
    ///
    /// # Errors
    /// aya's error if the object has no such program.
    pub fn program_named(&mut self, name: &str) -> Result<&mut Xdp, ProgramError> {
        self.ebpf.program_mut(name).ok_or(ProgramError::NotLoaded)?.try_into()
    }

    /// Runs one of the object's programs on `frame` through `BPF_PROG_TEST_RUN`, and returns its result. If a
    /// signal interrupts the run, it is repeated, so a second run must have the same effect as one.
    pub(super) fn ask(&mut self, program: &str, frame: &[u8]) -> Result<u32, ProgramError> {
        let program = self.program_named(program)?;
        again(PATIENCE, || {
            let options = TestRunOptions { data_in: Some(frame), ..TestRunOptions::default() };
            Ok(program.test_run(options)?.return_value)
        })
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        // The programs may stay attached for the next daemon, and drops must not.
        if let Err(error) = self.end_drops() {
            tracing::error!(%error, "the kernel drops packets until the lease of drops has ended");
        }
        self.links.clear();
    }
}
