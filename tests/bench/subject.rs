//! Our own program, loaded as the daemon loads it, in the builds that are compared.

use anyhow::{Context as _, Result, ensure};
use aya::programs::loaded_programs;
use d365_common::{
    direct::{DEFAULT_PAGES, MOST_PAGES},
    mark::Mark,
    names::PROGRAMS,
    path::Path,
};
use d365_tests::bpf::{Program, code::XDP_PASS};
use d365_user::{
    config::Tags,
    generation::{self, Compiled, Table},
    kernel::{Counters, Interface, Kernel, OBJECT, Options},
    ranges::Range,
};

use crate::report::names;

/// Counter slots, as the daemon has them unless told otherwise.
const CAPACITY: u32 = 4096;

/// What the object is loaded with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Build {
    /// As by default.
    Default,
    /// The same, with the tries asked for every source: what the direct table is held against.
    TrieOnly,
    /// With `--tag mark`, its records on their way by metadata.
    Mark,
}

/// A loaded program with a published list.
pub(crate) struct Subject {
    pub(crate) kernel: Kernel,
    pub(crate) program: Program,
    build: Build,
    counters: Counters,
    slots: Vec<u32>,
}

/// What one packet was counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Listed,
    Unlisted,
    Other,
}

impl Build {
    /// Those that are measured side by side, the daemon's own first.
    pub(crate) const COMPARED: &[Self] = &[Self::Default, Self::TrieOnly];

    /// The build as tables and files name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Default => names::OWN,
            Self::TrieOnly => names::OWN_TRIE_ONLY,
            Self::Mark => names::OWN_MARK,
        }
    }

    fn options(self, ranges: &[Range]) -> Result<Options> {
        let mark = (self == Self::Mark).then_some(Mark::DEFAULT);
        Ok(Options {
            // The interface that a test run's frames come in by.
            interfaces: vec![Interface { name: "lo".to_owned(), index: 1 }],
            ports: vec![25],
            capacity: u32::try_from(ranges.len())?.max(CAPACITY),
            max_pages: pages(ranges)?,
            trie_only: self == Self::TrieOnly,
            tags: Tags { mark, ..Tags::default() },
            ..Options::default()
        })
    }
}

/// As many pages of the direct table as the ranges need, and as the daemon has by default at least.
fn pages(ranges: &[Range]) -> Result<u32> {
    let slots: Vec<u32> = (0..u32::try_from(ranges.len())?).collect();
    let compiled = generation::compile(ranges, &slots, u32::MAX)?;
    let table = Table::new(&compiled.entries, MOST_PAGES);
    Ok(table.size().pages.clamp(DEFAULT_PAGES, MOST_PAGES))
}

impl Subject {
    /// Loads a build, for one interface and as large as these ranges need it, and publishes nothing.
    pub(crate) fn load(build: Build, ranges: &[Range]) -> Result<Self> {
        let (mut kernel, counters) = Kernel::load(OBJECT, &build.options(ranges)?)?;
        let program = Program::by_id(kernel.program_id()?)?;
        if build == Build::Mark {
            kernel.take_tag_paths().context("no tag paths")?.set(0, Path::Metadata)?;
            kernel.set_lease(None)?;
        }
        Ok(Self { kernel, program, build, counters, slots: Vec::new() })
    }

    /// Loads a build, compiles the list and publishes it.
    pub(crate) fn with(build: Build, ranges: &[Range]) -> Result<Self> {
        let mut subject = Self::load(build, ranges)?;
        let compiled = subject.compile(ranges)?;
        subject.kernel.publish(&compiled)?;
        Ok(subject)
    }

    /// Compiles a list: each range has the slot of its position.
    pub(crate) fn compile(&mut self, ranges: &[Range]) -> Result<Compiled> {
        self.slots = (0..u32::try_from(ranges.len())?).collect();
        Ok(generation::compile(ranges, &self.slots, self.kernel.capacity())?)
    }

    /// Whether the kernel took the program for frames in several buffers: a tail call goes to its like only.
    pub(crate) fn frags(&self) -> bool {
        self.kernel.program_name() == PROGRAMS[0]
    }

    /// Instructions that the verifier looked at (0 where the kernel does not tell), and bytes of machine code.
    pub(crate) fn size(&mut self) -> Result<(u32, u32)> {
        let id = self.kernel.program_id()?;
        let mut programs = loaded_programs().filter_map(Result::ok);
        let info = programs.find(|program| program.id() == id).context("the program is gone")?;
        Ok((info.verified_instruction_count().unwrap_or(0), info.size_jitted()))
    }

    /// Runs a frame through `program`, which ends in ours, and says what it was counted as: what is timed is what it says.
    pub(crate) fn judge(&self, program: &Program, frame: &[u8]) -> Result<Class> {
        let before = self.counters.read(&self.slots)?.remove(0);
        let (action, metadata) = program.run(frame)?;
        let after = self.counters.read(&self.slots)?.remove(0);
        ensure!(action == XDP_PASS, "the packet did not pass: {action}");
        ensure!(self.build != Build::Mark || metadata > 0, "no record was written");
        if before.ranges != after.ranges {
            Ok(Class::Listed)
        } else if before.unlisted != after.unlisted {
            Ok(Class::Unlisted)
        } else {
            ensure!(before.other != after.other, "the packet was not counted");
            Ok(Class::Other)
        }
    }
}
