//! The measurements as plain data; the JSON file has exactly these. Costs are in nanoseconds per packet.

mod markdown;
pub(crate) mod names;
mod plot;

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::{machine::Machine, rounds::Stat};

/// A whole run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    /// True for few and short rounds, whose numbers must not be quoted.
    pub(crate) is_quick: bool,
    /// Packets through `BPF_PROG_TEST_RUN`.
    pub(crate) packets: Vec<Packet>,
    /// Costs of lists of growing length.
    pub(crate) scaling: Vec<Scale>,
    pub(crate) programs: Vec<ProgramSize>,
    /// Empty if it could not be measured.
    pub(crate) end_to_end: Vec<EndToEnd>,
    pub(crate) daemon: Daemons,
    /// The measurements that are missing, with the reason.
    pub(crate) missing: Vec<String>,
}

/// One kind of packet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Packet {
    pub(crate) name: String,
    /// Cost of a do-nothing program.
    pub(crate) floor: Stat,
    pub(crate) costs: Vec<Cost>,
}

/// Cost of a packet in a program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cost {
    pub(crate) program: String,
    /// Cost of the program, floor included.
    pub(crate) whole: Stat,
    /// Cost without the floor, which is subtracted in each round.
    pub(crate) above_floor: Stat,
}

/// One list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scale {
    pub(crate) name: String,
    pub(crate) ranges: usize,
    /// Bytes that the kernel accounts for all maps.
    pub(crate) memory: u64,
    pub(crate) preparation: Preparation,
    pub(crate) costs: Vec<ScaleCost>,
}

/// Milliseconds from ranges to a published generation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Preparation {
    pub(crate) compile: Stat,
    pub(crate) build: Stat,
    pub(crate) prove: Stat,
    pub(crate) publish: Stat,
    pub(crate) whole: Stat,
}

/// Cost of a hit above the floor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ScaleCost {
    pub(crate) program: String,
    /// Cost of a do-nothing program.
    pub(crate) floor: Stat,
    /// The same source in every packet.
    pub(crate) one_source: Stat,
    /// Random sources over all ranges.
    pub(crate) any_source: Stat,
}

/// Size of a program for the verifier and after compilation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ProgramSize {
    pub(crate) name: String,
    /// Number of instructions that the verifier processed; 0 if the kernel does not report it (before 5.16).
    pub(crate) verified: u32,
    /// Bytes of machine code.
    pub(crate) machine_code: u32,
}

/// One way to do the job, end to end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct EndToEnd {
    pub(crate) way: String,
    pub(crate) packets_per_second: Stat,
    /// Ratio to the packets per second of a do-nothing program in the same round: other work slows both down.
    pub(crate) by_nothing: Stat,
    /// Processor time of the receiving thread.
    pub(crate) nanoseconds_per_packet: Stat,
    /// Packets sent for each packet received. Above 1, the generator was faster than the receiver.
    pub(crate) offered: Stat,
}

/// The daemon with a short and a long list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Daemons {
    pub(crate) embedded: DaemonCost,
    pub(crate) many: DaemonCost,
}

/// The daemon with one list and two interfaces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DaemonCost {
    pub(crate) ranges: usize,
    /// Milliseconds until the program is on all interfaces.
    pub(crate) start_ms: Stat,
    pub(crate) scrape_ms: Stat,
    pub(crate) resident_bytes: u64,
    /// Percentage of one processor.
    pub(crate) idle_percent: f64,
}

impl Report {
    /// Reads a report of an earlier run.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text)
            .with_context(|| format!("{} is no report of this benchmark", path.display()))
    }

    /// Writes `bench.json`, `bench.md` and the pictures into a directory.
    pub(crate) fn write(&self, directory: &Path) -> Result<()> {
        fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let write = |name: &str, text: &str| {
            let path = directory.join(name);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
        };
        write("bench.json", &format!("{}\n", serde_json::to_string_pretty(self)?))?;
        write("bench.md", &self.markdown())?;
        plot::draw(self, directory)
    }

    /// Cost of a packet in a program; `None` if it was not measured.
    pub(crate) fn cost(&self, packet: &str, program: &str) -> Option<&Cost> {
        let packet = self.packets.iter().find(|own| own.name == packet)?;
        packet.costs.iter().find(|cost| cost.program == program)
    }

    /// The results of one way.
    pub(crate) fn way(&self, way: &str) -> Option<&EndToEnd> {
        self.end_to_end.iter().find(|own| own.way == way)
    }
}

impl Scale {
    /// Cost of a hit in a program.
    pub(crate) fn cost(&self, program: &str) -> Option<&ScaleCost> {
        self.costs.iter().find(|cost| cost.program == program)
    }
}
