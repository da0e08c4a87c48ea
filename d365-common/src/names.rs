//! Names and capacities of the kernel object's maps, programs and load-time constants.
//!
//! The daemon finds them by these names; the kernel keeps 15 bytes of a name.

/// The XDP program, the best first: for kernels that know frames in several buffers (5.18 and later),
/// and the same for older ones.
pub const PROGRAMS: [&str; 2] = ["d365", "d365_linear"];

/// The program that proves a place: the same verdict as its result, and no counter.
pub const PROGRAM_PROVE: &str = "d365_prove";

/// The program that sets the leases: it adds the ticks in its frame to the kernel's own count of them. Its
/// frame is an Ethernet header and a `u64` in host byte order for each of the [`LEASES`](crate::lease::LEASES).
pub const PROGRAM_LEASE: &str = "d365_lease";

/// The tc program that gives a packet its mark: by the record that the XDP program has written, or by looking itself.
pub const PROGRAM_TAG: &str = "d365_tag";

/// The XDP program that says whether this kernel lets a program write metadata: its result is
/// [`PROBE_WRITTEN`] when a record could be written and read again. It is run by `BPF_PROG_TEST_RUN` only.
pub const PROGRAM_PROBE: &str = "d365_probe";
/// What [`PROGRAM_PROBE`] answers where metadata can be written.
pub const PROBE_WRITTEN: u32 = 1;

/// Array of IPv4 tries, one for each place.
pub const TRIES_V4: &str = "TRIES_V4";
/// Array of IPv6 tries, one for each place.
pub const TRIES_V6: &str = "TRIES_V6";
/// The [direct tables](crate::direct) of all places, one behind the other, each of [`PAGES`] pages.
pub const TABLES: &str = "TABLES";
/// `u32`: the first page of the published generation's direct table, which tells the
/// [place](crate::direct::place) too. A variable in [`VARIABLES`]: the programs read it without a look-up.
pub const ACTIVE: &str = "ACTIVE";
/// The map of the object's variables: [`ACTIVE`] is the only one.
pub const VARIABLES: &str = ".bss";
/// One `u32`: the first page of the generation that [`PROGRAM_PROVE`] judges by.
pub const PROVEN: &str = "PROVEN";
/// One [`Ends`](crate::lease::Ends): the ticks (`jiffies64`) at which the leases end. 0: never confirmed; `u64::MAX`:
/// without an end.
pub const LEASE: &str = "LEASE";
/// Ring buffer of sampled sources, 16 bytes each: an IPv6 address, or an IPv4 address mapped into one (RFC 4291,
/// 2.5.5.2), in network byte order.
pub const SAMPLES: &str = "SAMPLES";
/// One `u64` a CPU: samples that found the ring full.
pub const SAMPLES_LOST: &str = "SAMPLES_LOST";
/// Counters of ranges, by [`range_index`](crate::counter::range_index).
pub const RANGE_COUNTERS: &str = "RANGE_COUNTERS";
/// Counters of classes and effects, by [`class_index`](crate::counter::class_index) and
/// [`effect_index`](crate::counter::effect_index).
pub const CLASS_COUNTERS: &str = "CLASS_COUNTERS";
/// One `u32` a row: how the tc program learns what is vouched for, a [`Path`](crate::path::Path)'s number.
pub const TAG_PATHS: &str = "TAG_PATHS";
/// One [`Seen`](crate::path::Seen) a row and CPU: packets that came with and without a record.
pub const TAG_SEEN: &str = "TAG_SEEN";
/// Array of one IPv4 trie: prefixes from which no connection is ever dropped.
pub const FAILSAFE_V4: &str = "FAILSAFE_V4";
/// The same for IPv6.
pub const FAILSAFE_V6: &str = "FAILSAFE_V6";
/// Ring buffer of log records, as aya-log names it.
pub const LOGS: &str = "AYA_LOGS";

/// `[u16; MAX_PORTS]`: the watched ports, host byte order.
pub const PORTS: &str = "PORTS";
/// `[u32; MAX_INTERFACES]`: the interfaces' indexes.
pub const IFINDEXES: &str = "IFINDEXES";
/// `u32`: slots of a row of [`RANGE_COUNTERS`].
pub const CAPACITY: &str = "CAPACITY";
/// `u32`: a [`Setup`](crate::setup::Setup). Where that says that nothing is done but counting,
/// [`LOG_PACKETS`], [`SAMPLE_UNLISTED`], [`MARK_BASE`], [`DSCP`] and [`DROP_UNLISTED`] have no effect.
pub const SETUP: &str = "SETUP";
/// `u8`: 1 to send a log record of each packet to a watched port.
pub const LOG_PACKETS: &str = "LOG_PACKETS";
/// `u8`: 1 to sample the sources of unlisted segments that open a connection.
pub const SAMPLE_UNLISTED: &str = "SAMPLE_UNLISTED";
/// `u32`: base of the mark, 0 when packets are not marked.
pub const MARK_BASE: &str = "MARK_BASE";
/// `u32`: mask of the base's bits.
pub const MARK_MASK: &str = "MARK_MASK";
/// `u64`: what seals the records of the XDP program, see [`Record`](crate::record::Record).
pub const TAG_KEY: &str = "TAG_KEY";
/// `u8`: the DSCP that is set, 0 when none is.
pub const DSCP: &str = "DSCP";
/// `u8`: 1 to tag retired ranges too.
pub const TAG_RETIRED: &str = "TAG_RETIRED";
/// `u8`: 1 to drop new connections from unlisted sources.
pub const DROP_UNLISTED: &str = "DROP_UNLISTED";

/// Most watched ports.
pub const MAX_PORTS: usize = 8;
/// Most interfaces.
pub const MAX_INTERFACES: usize = 16;
/// Places for generations: the published one and the one that is built.
pub const PLACES: u32 = 2;
/// Slots of a row unless told otherwise.
pub const DEFAULT_CAPACITY: u32 = 4096;
/// Bytes of [`SAMPLES`]: some 2700 sources (16 bytes and the kernel's header of 8), which the daemon takes once a
/// second.
pub const SAMPLE_RING: u32 = 64 * 1024;
/// SMTP, RFC 5321.
pub const SMTP_PORT: u16 = 25;
