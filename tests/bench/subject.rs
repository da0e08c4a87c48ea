//! Our own programs, loaded as the daemon loads them, in the builds that are compared.

use anyhow::{Context as _, Result, ensure};
use aya::programs::Program;
use d365_common::{
    direct::{DEFAULT_PAGES, MOST_PAGES},
    mark::Mark,
    names::{PROGRAM_TAG, PROGRAMS},
    packet_action::PacketAction,
};
use d365_user::{
    generation::{self, Compiled, Table},
    kernel::{Counters, Inherited, Interface, Kernel, Leases, OBJECT, Options, Store},
    ranges::Range,
    settings::Tags,
};

use crate::{
    bpf::{self, XDP_PASS},
    programs::run,
    report::names,
};

/// The daemon's default number of counter slots.
pub(crate) const CAPACITY: u32 = 4096;

/// The options for loading the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Build {
    /// The default options.
    Default,
    /// The default options without the direct table: every source is looked up in the tries.
    TrieOnly,
}

/// A loaded program with a published list.
pub(crate) struct Subject {
    pub(crate) kernel: Kernel,
    pub(crate) program: Program,
    counters: Counters,
    slots: Vec<u32>,
}

/// The class in which one packet was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Listed,
    Unlisted,
    Other,
}

impl Build {
    /// The builds that are measured in the same rounds, the daemon's own first.
    pub(crate) const COMPARED: &[Self] = &[Self::Default, Self::TrieOnly];

    /// The build's name in tables and files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Default => names::OWN,
            Self::TrieOnly => names::OWN_TRIE_ONLY,
        }
    }

    fn options(self, ranges: &[Range]) -> Result<Options> {
        Ok(Options {
            // The interface of a test run's frames.
            interfaces: vec![Interface { name: "lo".to_owned(), index: 1 }],
            ports: vec![25],
            capacity: u32::try_from(ranges.len())?.max(CAPACITY),
            max_pages: pages(ranges)?,
            trie_only: self == Self::TrieOnly,
            ..Options::default()
        })
    }
}

/// Number of pages of the direct table: as many as the ranges need, and at least the daemon's default.
fn pages(ranges: &[Range]) -> Result<u32> {
    let slots: Vec<u32> = (0..u32::try_from(ranges.len())?).collect();
    let compiled = generation::compile(ranges, &slots).context("too many ranges")?;
    let table = Table::new(&compiled.entries, MOST_PAGES);
    Ok(table.size().pages.clamp(DEFAULT_PAGES, MOST_PAGES))
}

impl Subject {
    /// Loads a build for one interface, with room for these ranges, and publishes nothing.
    pub(crate) fn load(build: Build, ranges: &[Range]) -> Result<Self> {
        Self::by(&build.options(ranges)?)
    }

    fn by(options: &Options) -> Result<Self> {
        let (counters, _) = Inherited::default().counters(1, options.capacity)?;
        let mut kernel = Kernel::load_with(&PROGRAMS, OBJECT, options, &counters, Store::default())?;
        let program = Program::Xdp(bpf::xdp_by_id(kernel.program_id()?)?);
        Ok(Self { kernel, program, counters, slots: Vec::new() })
    }

    /// Loads a build, compiles the list and publishes it.
    pub(crate) fn with(build: Build, ranges: &[Range]) -> Result<Self> {
        Self::published(&build.options(ranges)?, ranges)
    }

    /// Loads the object with these options and publishes the list, with a valid lease.
    pub(crate) fn published(options: &Options, ranges: &[Range]) -> Result<Self> {
        let mut subject = Self::by(options)?;
        let compiled = subject.compile(ranges)?;
        subject.kernel.publish(&compiled)?;
        subject.kernel.set_leases(&Leases::all(None))?;
        Ok(subject)
    }

    /// Compiles a list. Each range gets the slot of its position.
    pub(crate) fn compile(&mut self, ranges: &[Range]) -> Result<Compiled> {
        self.slots = (0..u32::try_from(ranges.len())?).collect();
        generation::compile(ranges, &self.slots).context("too many ranges")
    }

    /// True if the kernel accepted the program for frames in several buffers. A tail call to a program of the
    /// other kind is impossible.
    pub(crate) fn frags(&self) -> bool {
        self.kernel.program_name() == PROGRAMS[0]
    }

    /// Number of packets that were counted as listed, on all interfaces.
    pub(crate) fn listed(&self) -> Result<u64> {
        let rows = self.counters.read(&self.slots)?;
        Ok(rows.iter().flat_map(|row| &row.ranges).map(|count| count.packets).sum())
    }

    /// Runs a frame through `program`, which ends in ours, and returns the class in which it was counted. So
    /// the timed program is shown to classify the frame.
    pub(crate) fn judge(&self, program: &Program, frame: &[u8]) -> Result<Class> {
        let before = self.counters.read(&self.slots)?.remove(0);
        let action = run(program, frame)?;
        let after = self.counters.read(&self.slots)?.remove(0);
        ensure!(action == XDP_PASS, "the packet did not pass: {action}");
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

/// The tc program of `--tag mark`, with a published list and a valid lease.
pub(crate) struct Tagger {
    pub(crate) program: Program,
    subject: Subject,
}

impl Tagger {
    /// Loads the program for one interface and publishes these ranges.
    pub(crate) fn with(ranges: &[Range]) -> Result<Self> {
        let tags = Tags { mark: Some(Mark::DEFAULT), ..Tags::default() };
        let mut subject = Subject::published(&Options { tags, ..Build::Default.options(ranges)? }, ranges)?;
        let id = subject.kernel.tc(PROGRAM_TAG)?.info()?.id();
        Ok(Self { program: Program::SchedClassifier(bpf::classifier_by_id(id)?), subject })
    }

    /// Returns true if the program marks the frame.
    pub(crate) fn marks(&self, frame: &[u8]) -> Result<bool> {
        let before = self.marked()?;
        run(&self.program, frame)?;
        Ok(self.marked()? > before)
    }

    fn marked(&self) -> Result<u64> {
        let actions = self.subject.counters.read(&[])?.remove(0).actions;
        Ok(actions
            .iter()
            .filter(|(action, _)| *action == PacketAction::Marked)
            .map(|(_, packets)| packets)
            .sum())
    }
}

/// Number of instructions that the verifier processed (0 if the kernel does not report it), and bytes of
/// machine code.
pub(crate) fn size(program: &Program) -> Result<(u32, u32)> {
    let info = program.info()?;
    Ok((info.verified_instruction_count().unwrap_or(0), info.size_jitted()))
}
