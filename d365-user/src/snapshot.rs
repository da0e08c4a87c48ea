//! The state of the daemon at one moment, as plain data: the only data that the views see.
//!
//! Nothing here, and no later stage, knows the kernel.

use std::{collections::BTreeMap, error::Error, ops::AddAssign, time::Duration};

use d365_common::packet_action::PacketAction;

use crate::{
    generation::TableSize,
    geo::Geo,
    published::{Lease, ListFormat, PublishedList, PublishedRange, PublishedSource},
    ranges::{Range, SourceSet},
};

/// Packets, bytes and new connections (SYN without ACK), as the kernel program counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// Bytes of the frames, with the link-layer header and without the frame check sequence.
    pub bytes: u64,
    /// Segments with SYN and without ACK.
    pub connections: u64,
}

/// The place of a program that counts packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// An XDP program.
    Xdp(XdpMode),
    /// A tc program, without any XDP program of ours.
    Tc,
}

/// The place of an XDP program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XdpMode {
    /// The driver runs the program.
    Native,
    /// The network stack runs the program ("generic", "skb").
    Generic,
}

/// The published generation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generation {
    /// Its number, from 1.
    pub number: u64,
    /// Names of the sources, joined by a comma.
    pub source: String,
    /// The service tag's change number, if a source has one.
    pub change_number: Option<u64>,
    /// SHA-256 of the ranges, lower-case hexadecimal.
    pub digest: String,
    /// The time of the publication, in seconds since the Unix epoch.
    pub published: u64,
    /// The ranges, in the order of [`Interface::ranges`].
    pub ranges: Vec<Range>,
    /// For each range, the sources that list it or a prefix that contains it.
    pub listed_by: Vec<SourceSet>,
    /// Ranges that have left the list and are still recognised, in the order of [`Interface::retired`].
    pub retired: Vec<Range>,
    /// For each retired range, the sources that listed it.
    pub retired_by: Vec<SourceSet>,
}

/// Name of the pseudo interface for packets that name no watched interface. No interface's name contains `/`.
pub const UNKNOWN_INTERFACE: &str = "other/unknown";

/// The counts and the attachment of one interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// The current attachment, or the last one; `None` if it was never attached.
    pub mode: Option<Mode>,
    /// True if it is attached now.
    pub attached: bool,
    /// Packets to the watched ports, for each range of the generation.
    pub ranges: Vec<Count>,
    /// Counts of ranges that are gone, by geo: part of the geos' totals.
    pub gone: Vec<(Geo, Count)>,
    /// Packets to the watched ports, for each retired range since it was retired.
    pub retired: Vec<Count>,
    /// Counts of retired ranges that are gone, from the time when they were retired, by geo.
    pub retired_gone: Vec<(Geo, Count)>,
    /// Packets to the watched ports from no range.
    pub unlisted: Count,
    /// Every other packet: the reason's label value, and the number of packets.
    pub other: Vec<(&'static str, u64)>,
    /// Number of packets for each action, which are counted in their class as well.
    pub actions: Vec<(PacketAction, u64)>,
    /// True if the tc program that sets the mark is attached now; `None` if packets are not marked.
    pub tag_attached: Option<bool>,
    /// Number of times that its programs were attached after the start.
    pub reattached: u64,
}

/// The state of the updates of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Updates {
    /// Each source, in the order of the command line.
    pub sources: Vec<SourceStatus>,
    /// Changes that wait: the reason's label value, and the number. Every reason is present.
    pub pending: Vec<(&'static str, u64)>,
    /// Updates that were not published: the reason's label value, and the number. Every reason is present.
    pub refused: Vec<(&'static str, u64)>,
    /// Failures to save or load state: the operation's label value, and the number. Every operation is
    /// present.
    pub state_failures: Vec<(&'static str, u64)>,
    /// The exports; none without a directory for them.
    pub exports: Vec<ExportStatus>,
}

/// The state of an export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportStatus {
    /// The name of its format.
    pub format: &'static str,
    /// Failures: the reason's label value, and the number. Every reason is present.
    pub failures: Vec<(&'static str, u64)>,
    /// The last time that the file had the published list, in seconds since the Unix epoch.
    pub last_success: Option<u64>,
}

/// The state of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceStatus {
    /// True while its list is not used, because it does not fit within `--max-ranges` with the others.
    pub is_left_out: bool,
    /// Its name, the value of the label `source`.
    pub name: String,
    /// The date of its accepted list in ISO 8601, if the list has one.
    pub date: Option<String>,
    /// The change number of its accepted list, if the list has one.
    pub change_number: Option<u64>,
    /// The time of its last good list, in seconds since the Unix epoch; `None` if it never gave one.
    pub last_success: Option<u64>,
    /// Failures: the reason's label value, and the number. Every reason that this kind of source can have is
    /// present.
    pub failures: Vec<(&'static str, u64)>,
    /// The end of the trust in its ranges.
    pub lease: Lease,
}

/// New connections from unlisted sources inside Azure, as far as they were looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Azure {
    /// By region, as the service tags document names it (`westus2`).
    pub connections: Vec<(String, u64)>,
    /// Connections that were not looked up because there were too many at once.
    pub lost: u64,
}

/// A snapshot of everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The published generation.
    pub generation: Generation,
    /// The interfaces, in the order of the command line; those that match a pattern come last.
    pub interfaces: Vec<Interface>,
    /// Number of interfaces that match a pattern and are not watched.
    pub interfaces_left_out: u64,
    /// The state of the updates of the list.
    pub updates: Updates,
    /// The size of the published generation's direct table.
    pub table: TableSize,
    /// Unlisted sources inside Azure; `None` if they are not watched.
    pub azure: Option<Azure>,
    /// True if series by range are shown, in addition to those by geo.
    pub range_metrics: bool,
    /// Failures of HTTP: the reason's label value, and the number. Every reason is present.
    pub http_failures: Vec<(&'static str, u64)>,
    /// Readings of the web configuration that failed.
    pub web_config_failures: u64,
    /// The resource usage of the daemon itself; `None` if /proc cannot be read.
    pub process: Option<ProcessStats>,
}

/// The resource usage of this process, for the metrics `process_*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessStats {
    /// User and system time.
    pub cpu: Duration,
    /// The start of the process, since the Unix epoch.
    pub start: Duration,
    /// Resident memory in bytes.
    pub resident_bytes: u64,
    /// Virtual memory in bytes.
    pub virtual_bytes: u64,
    /// Threads.
    pub threads: u64,
    /// Open file descriptors, if they can be counted.
    pub open_fds: Option<u64>,
    /// Maximum number of file descriptors; `None` without a limit.
    pub max_fds: Option<u64>,
}

/// A source of snapshots. It may block for as long as some hundred system calls take.
pub trait SnapshotSource: Send + Sync + 'static {
    /// Takes a snapshot.
    ///
    /// # Errors
    /// The counters cannot be read. The message becomes one log line.
    fn snapshot(&self) -> Result<Snapshot, Box<dyn Error + Send + Sync>>;

    /// The published list, without any counter.
    fn list(&self) -> PublishedList;
}

impl Generation {
    /// The list of this generation as plain data. `sources` are all, in the order of the command line.
    #[must_use]
    pub fn list(&self, sources: &[SourceStatus]) -> PublishedList {
        let range = |(range, by): (&Range, &SourceSet)| PublishedRange {
            prefix: range.prefix,
            geo: range.geo,
            region: range.region.clone(),
            sources: by.places().collect(),
        };
        PublishedList {
            format: ListFormat::V1,
            generation: self.number,
            digest: self.digest.clone(),
            published: self.published,
            sources: sources.iter().map(SourceStatus::published).collect(),
            ranges: self.ranges.iter().zip(&self.listed_by).map(range).collect(),
            retired: self.retired.iter().zip(&self.retired_by).map(range).collect(),
        }
    }
}

impl SourceStatus {
    /// The part that the published list shows.
    #[must_use]
    pub fn published(&self) -> PublishedSource {
        PublishedSource {
            name: self.name.clone(),
            date: self.date.clone(),
            change_number: self.change_number,
            last_success: self.last_success,
            lease: self.lease,
        }
    }
}

impl Mode {
    /// The value of the label `mode`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Xdp(mode) => mode.as_str(),
            Self::Tc => "tc",
        }
    }
}

impl XdpMode {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
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
    /// The number of packets with this action.
    #[must_use]
    pub fn action(&self, action: PacketAction) -> u64 {
        self.actions.iter().find(|(done, _)| *done == action).map_or(0, |(_, packets)| *packets)
    }

    /// The count of each range of this generation; zero if none was taken.
    pub fn counts<'a>(&'a self, generation: &'a Generation) -> impl Iterator<Item = (&'a Range, Count)> {
        let counts = self.ranges.iter().copied().chain(std::iter::repeat(Count::default()));
        generation.ranges.iter().zip(counts)
    }

    /// The sum over the ranges of each geo, including ranges that are gone. A geo without a packet is present
    /// with zero.
    #[must_use]
    pub fn geo_totals(&self, generation: &Generation) -> BTreeMap<Geo, Count> {
        let ranges = self.counts(generation).map(|(range, count)| (range.geo, count));
        by_geo(ranges.chain(self.gone.iter().copied()))
    }

    /// The count of each retired range of this generation; zero if none was taken.
    pub fn retired_counts<'a>(
        &'a self,
        generation: &'a Generation,
    ) -> impl Iterator<Item = (&'a Range, Count)> {
        let counts = self.retired.iter().copied().chain(std::iter::repeat(Count::default()));
        generation.retired.iter().zip(counts)
    }

    /// The sum over the counts of retired ranges, by geo, including ranges that are gone. A geo of the
    /// generation without a count is present with zero.
    #[must_use]
    pub fn retired_totals(&self, generation: &Generation) -> BTreeMap<Geo, Count> {
        let geos = generation.ranges.iter().map(|range| (range.geo, Count::default()));
        let retired = self.retired_counts(generation).map(|(range, count)| (range.geo, count));
        by_geo(geos.chain(retired).chain(self.retired_gone.iter().copied()))
    }
}
