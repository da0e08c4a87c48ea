//! What the daemon knows at one moment, as plain data: the only thing that the views see.
//!
//! Nothing here, nor to the right of here, knows the kernel.

use std::{collections::BTreeMap, error::Error, net::SocketAddr, ops::AddAssign, time::Duration};

use d365_common::{dscp::Dscp, effect::Effect, mark::Mark, path::Path};
use ipnet::IpNet;

use crate::{
    generation::TableSize,
    ranges::{Geo, Range},
};

/// Packets, bytes and new connections (SYN without ACK), as the kernel program counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// Bytes of the frames, link-layer header included, frame check sequence not.
    pub bytes: u64,
    /// Segments with SYN and without ACK.
    pub connections: u64,
}

/// XDP mode of an attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Run by the driver.
    Native,
    /// Run by the network stack ("generic", "skb").
    Generic,
}

/// By what an attachment is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// A BPF link: the kernel detaches it when the daemon ends.
    BpfLink,
    /// A netlink request: it outlives a daemon that is killed, and cannot be pinned.
    Netlink,
}

/// How a program is attached to an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// XDP mode.
    pub mode: Mode,
    /// What holds it.
    pub link: LinkKind,
}

/// The published generation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generation {
    /// Its number, from 1.
    pub number: u64,
    /// Names of the sources, joined by a comma.
    pub source: String,
    /// The service tag's change number, where a source has one.
    pub change_number: Option<u64>,
    /// SHA-256 of the ranges, lower-case hexadecimal.
    pub digest: String,
    /// The ranges, in the order of [`Interface::ranges`].
    pub ranges: Vec<Range>,
    /// Ranges that have left the list and are still recognised, in the order of [`Interface::retired`].
    pub retired: Vec<Range>,
}

/// Name of the interface that stands for packets which name none of those that are watched. `/` is in no
/// interface's name.
pub const STRANGERS: &str = "other/unknown";

/// What was seen on one interface since the daemon's start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// How the program is attached, or was last; `None` when it never was.
    pub attachment: Option<Attachment>,
    /// Whether it is attached now.
    pub attached: bool,
    /// Port-25 packets of each range of the generation.
    pub ranges: Vec<Count>,
    /// What ranges that are gone have counted, by geo: part of the geos' totals.
    pub carried: Vec<(Geo, Count)>,
    /// Port-25 packets of each retired range since it was retired.
    pub retired: Vec<Count>,
    /// What retired ranges that are gone have counted while they were retired, by geo.
    pub retired_carried: Vec<(Geo, Count)>,
    /// Port-25 packets from no range.
    pub unlisted: Count,
    /// Every other packet: the reason's label value, and how many.
    pub other: Vec<(&'static str, u64)>,
    /// Packets to which each effect was done, besides their class.
    pub effects: Vec<(Effect, u64)>,
    /// How the tc program learns what is vouched for; `None` when packets are not marked.
    pub tag_path: Option<Path>,
    /// Whether the tc program that sets the mark is attached now; `None` when packets are not marked.
    pub tag_attached: Option<bool>,
}

/// How the list is kept true.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Updates {
    /// Each source, in the order of the command line.
    pub sources: Vec<SourceStatus>,
    /// Changes that wait: the reason's label value, and how many. Every reason is there.
    pub pending: Vec<(&'static str, u64)>,
    /// Updates that were not published: the reason's label value, and how many. Every reason is there.
    pub refused: Vec<(&'static str, u64)>,
    /// Failures to keep the state: the label value of what was being done, and how many. Each is there.
    pub state_failures: Vec<(&'static str, u64)>,
}

/// What became of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceStatus {
    /// True while its list is not used, because it does not fit within `--max-ranges` with the others.
    pub is_left_out: bool,
    /// Its name, the value of the label `source`.
    pub name: String,
    /// When it last gave a good list, seconds since the Unix epoch; `None` when it never did.
    pub last_success: Option<u64>,
    /// Failures: the reason's label value, and how many. Every reason that this kind of source can have is there.
    pub failures: Vec<(&'static str, u64)>,
    /// Until when its ranges are trusted.
    pub lease: Lease,
}

/// Until when a source's ranges are trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lease {
    /// The source has never confirmed its list.
    #[default]
    Unconfirmed,
    /// Until so many seconds after the Unix epoch, which may have passed.
    Until(u64),
    /// Without an end.
    Endless,
}

/// New connections from unlisted sources inside Azure, as far as they were looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Azure {
    /// By region, as the service tags document calls it (`westus2`).
    pub connections: Vec<(String, u64)>,
    /// Connections that were not looked at because there were too many at once.
    pub lost: u64,
}

/// How packets from listed ranges are tagged while the list is vouched for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// The packet mark, if it is one.
    pub mark: Option<Mark>,
    /// The code point, if it is one.
    pub dscp: Option<Dscp>,
    /// Whether retired ranges are tagged as well.
    pub retired: bool,
}

/// That new connections from unlisted sources are dropped while the list is vouched for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// To these ports, in host byte order.
    pub ports: Vec<u16>,
    /// Never from here.
    pub failsafe: Vec<IpNet>,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The published generation.
    pub generation: Generation,
    /// The interfaces, in the order of the command line.
    pub interfaces: Vec<Interface>,
    /// How the list is kept true.
    pub updates: Updates,
    /// How large the published generation's direct table is.
    pub table: TableSize,
    /// Unlisted sources inside Azure; `None` unless they are watched.
    pub azure: Option<Azure>,
    /// How packets are tagged.
    pub tags: Tags,
    /// What is dropped; `None` while everything passes.
    pub drops: Option<Drops>,
    /// Series by range are shown, besides those by geo.
    pub range_metrics: bool,
    /// Failures of HTTP: the reason's label value, and how many. Every reason is there.
    pub http_failures: Vec<(&'static str, u64)>,
    /// Where the metrics are served.
    pub listen: Option<SocketAddr>,
    /// What the daemon itself uses; `None` where /proc did not tell.
    pub process: Option<ProcessStats>,
}

/// What this process uses, for the metrics `process_*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessStats {
    /// User and system time.
    pub cpu: Duration,
    /// When it started, since the Unix epoch.
    pub start: Duration,
    /// Resident memory in bytes.
    pub resident_bytes: u64,
    /// Virtual memory in bytes.
    pub virtual_bytes: u64,
    /// Threads.
    pub threads: u64,
    /// Open file descriptors, where they can be counted.
    pub open_fds: Option<u64>,
    /// Most file descriptors; `None` without a limit.
    pub max_fds: Option<u64>,
}

/// Whoever can take a snapshot. It may block for as long as some hundred system calls take.
pub trait SnapshotSource: Send + Sync + 'static {
    /// A snapshot of now.
    ///
    /// # Errors
    /// When the counters cannot be read; the message becomes one log line.
    fn snapshot(&self) -> Result<Snapshot, Box<dyn Error + Send + Sync>>;
}

impl Mode {
    /// The value of the label `mode`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
        }
    }
}

impl LinkKind {
    /// The value of the label `link`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BpfLink => "bpf_link",
            Self::Netlink => "netlink",
        }
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.packets = self.packets.saturating_add(other.packets);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.connections = self.connections.saturating_add(other.connections);
    }
}

fn by_geo(counts: impl Iterator<Item = (Geo, Count)>) -> BTreeMap<Geo, Count> {
    let mut totals = BTreeMap::new();
    for (geo, count) in counts {
        *totals.entry(geo).or_insert_with(Count::default) += count;
    }
    totals
}

impl Interface {
    /// To how many packets this was done.
    #[must_use]
    pub fn effect(&self, effect: Effect) -> u64 {
        self.effects.iter().find(|(done, _)| *done == effect).map_or(0, |(_, packets)| *packets)
    }

    /// The count of each range of this generation; zero where none was taken.
    pub fn counts<'a>(&'a self, generation: &'a Generation) -> impl Iterator<Item = (&'a Range, Count)> {
        let counts = self.ranges.iter().copied().chain(std::iter::repeat(Count::default()));
        generation.ranges.iter().zip(counts)
    }

    /// The sum over the ranges of each geo, gone ones included; a geo without a packet is there with zero.
    #[must_use]
    pub fn geo_totals(&self, generation: &Generation) -> BTreeMap<Geo, Count> {
        let ranges = self.counts(generation).map(|(range, count)| (range.geo, count));
        by_geo(ranges.chain(self.carried.iter().copied()))
    }

    /// The count of each retired range of this generation; zero where none was taken.
    pub fn retired_counts<'a>(
        &'a self,
        generation: &'a Generation,
    ) -> impl Iterator<Item = (&'a Range, Count)> {
        let counts = self.retired.iter().copied().chain(std::iter::repeat(Count::default()));
        generation.retired.iter().zip(counts)
    }

    /// The sum over what was counted of retired ranges, by geo, gone ones included. A geo of the generation is there with
    /// zero.
    #[must_use]
    pub fn retired_totals(&self, generation: &Generation) -> BTreeMap<Geo, Count> {
        let geos = generation.ranges.iter().map(|range| (range.geo, Count::default()));
        let retired = self.retired_counts(generation).map(|(range, count)| (range.geo, count));
        by_geo(geos.chain(retired).chain(self.retired_carried.iter().copied()))
    }
}
