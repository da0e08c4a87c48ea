//! Names and capacities of the kernel object's maps, programs and load-time constants.
//!
//! The daemon finds them by these names. The kernel keeps the first 15 bytes of a name.

/// The XDP programs, in the order in which the loader tries them: one for kernels that support frames in
/// several buffers (5.18 and later), and the same program for older kernels.
pub const PROGRAMS: [&str; 2] = ["d365", "d365_linear"];

/// The program that verifies a buffer. Its result is the classification, and it moves no counter.
pub const PROGRAM_PROVE: &str = "d365_prove";

/// The program that sets the leases: it adds the ticks in its frame to the kernel's current tick count. Its
/// frame is an Ethernet header, followed by one `u64` in host byte order for each of the
/// [`LEASES`](crate::lease::LEASES).
pub const PROGRAM_LEASE: &str = "d365_lease";

/// The tc program that sets the packet mark. It classifies each packet itself.
pub const PROGRAM_TAG: &str = "d365_tag";

/// The tc programs that do everything that the XDP program and [`PROGRAM_TAG`] do: for interfaces whose
/// packets start with an Ethernet header, and for those whose packets start with the IP header.
pub const PROGRAM_TC: &str = "d365_tc";
/// See [`PROGRAM_TC`].
pub const PROGRAM_TC_L3: &str = "d365_tc_l3";

/// Array of IPv4 tries, one for each buffer.
pub const TRIES_V4: &str = "TRIES_V4";
/// Array of IPv6 tries, one for each buffer.
pub const TRIES_V6: &str = "TRIES_V6";
/// The [direct tables](crate::direct) of all buffers, one after the other, each of
/// [`pages`](crate::direct::pages) pages.
pub const TABLES: &str = "TABLES";
/// `u32`: the first page of the published generation's direct table, which also determines its
/// [buffer](crate::direct::buffer). It is a variable in [`VARIABLES`]: the programs read it without a lookup.
pub const ACTIVE: &str = "ACTIVE";
/// The map of [`ACTIVE`].
pub const VARIABLES: &str = ".bss";
/// `[u32; MAX_INTERFACES]`: the index of each row's interface, 0 for a row without one. It is a variable, the
/// only one in [`ROW_INTERFACES`].
pub const IFINDEXES: &str = "IFINDEXES";
/// The map of [`IFINDEXES`].
pub const ROW_INTERFACES: &str = ".data";
/// One `u32`: the first page of the generation by which [`PROGRAM_PROVE`] classifies.
pub const PROVEN: &str = "PROVEN";
/// One [`Ends`](crate::lease::Ends): the ticks (`jiffies64`) at which the leases end. 0: never confirmed;
/// `u64::MAX`: no end.
pub const LEASE: &str = "LEASE";
/// Ring buffer of sampled sources, 16 bytes each in network byte order: an IPv6 address, or an IPv4-mapped
/// IPv6 address (RFC 4291, section 2.5.5.2).
pub const SAMPLES: &str = "SAMPLES";
/// One `u64` for each CPU: the number of samples that were lost because the ring was full.
pub const SAMPLES_LOST: &str = "SAMPLES_LOST";
/// Counters of ranges, by [`range_index`](crate::counter::range_index).
pub const RANGE_COUNTERS: &str = "RANGE_COUNTERS";
/// Counters of classes and actions, by [`class_index`](crate::counter::class_index) and
/// [`action_index`](crate::counter::action_index).
pub const CLASS_COUNTERS: &str = "CLASS_COUNTERS";
/// The owner of each counter slot, for the next daemon. Only daemons use it; the object does not declare it.
pub const RANGE_OWNERS: &str = "RANGE_OWNERS";
/// The name of each row of counters, for the next daemon. Only daemons use it; the object does not declare
/// it.
pub const ROW_NAMES: &str = "ROW_NAMES";
/// Array of one IPv4 trie: the prefixes from which no connection is ever dropped.
pub const FAILSAFE_V4: &str = "FAILSAFE_V4";
/// The same as [`FAILSAFE_V4`] for IPv6.
pub const FAILSAFE_V6: &str = "FAILSAFE_V6";
/// Ring buffer of log records, with the name that aya-log expects.
pub const LOGS: &str = "AYA_LOGS";

/// `[u16; MAX_PORTS]`: the watched ports, in host byte order.
pub const PORTS: &str = "PORTS";
/// `u32`: the number of slots in a row of [`RANGE_COUNTERS`].
pub const CAPACITY: &str = "CAPACITY";
/// `u64`: a [`Setup`](crate::setup::Setup). If that has no actions, [`LOG_PACKETS`], [`SAMPLE_UNLISTED`],
/// [`DSCP`] and [`DROP_UNLISTED`] have no effect.
pub const SETUP: &str = "SETUP";
/// `u8`: 1 to send a log record of each packet to a watched port.
pub const LOG_PACKETS: &str = "LOG_PACKETS";
/// `u8`: 1 to sample the sources of unlisted segments that open a connection.
pub const SAMPLE_UNLISTED: &str = "SAMPLE_UNLISTED";
/// `u32`: base of the mark, 0 if packets are not marked.
pub const MARK_BASE: &str = "MARK_BASE";
/// `u32`: mask of the bits that the base occupies.
pub const MARK_MASK: &str = "MARK_MASK";
/// `u8`: the code point (1 to 63) that trusted segments get, 0 if none is set.
pub const DSCP: &str = "DSCP";
/// `u8`: 1 to tag packets from retired ranges too.
pub const TAG_RETIRED: &str = "TAG_RETIRED";
/// `u8`: 1 to drop new connections from unlisted sources.
pub const DROP_UNLISTED: &str = "DROP_UNLISTED";

/// Maximum number of watched ports.
pub const MAX_PORTS: usize = 8;
/// Maximum number of watched interfaces.
pub const MAX_INTERFACES: usize = 16;
/// Number of buffers for generations: the active one and the standby.
pub const BUFFERS: u32 = 2;
/// Default number of slots in a row.
pub const DEFAULT_CAPACITY: u32 = 4096;
/// Size of [`SAMPLES`] in bytes: room for about 2700 sources (16 bytes and the kernel's header of 8 bytes
/// each). The daemon empties it once a second.
pub const SAMPLE_RING: u32 = 64 * 1024;
/// Port of SMTP (RFC 5321), in host byte order.
pub const SMTP_PORT: u16 = 25;
