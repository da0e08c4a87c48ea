//! Names and capacities of the kernel object's maps, programs and load-time constants.
//!
//! The daemon finds them by these names; the kernel keeps 15 bytes of a name.

/// The XDP program, the best first: for kernels that know frames in several buffers (5.18 and later),
/// and the same for older ones.
pub const PROGRAMS: [&str; 2] = ["d365", "d365_linear"];

/// The same with samples of unlisted sources.
pub const WATCHING: [&str; 2] = ["d365_watch", "d365_watch_lin"];

/// The program that proves a place: the same verdict as its result, and no counter.
pub const PROGRAM_PROVE: &str = "d365_prove";

/// The program that sets the lease: it adds the ticks that it is told to the kernel's own count of them. Its
/// frame is an Ethernet header and a `u64` in host byte order.
pub const PROGRAM_LEASE: &str = "d365_lease";

/// Array of IPv4 tries, one for each place.
pub const TRIES_V4: &str = "TRIES_V4";
/// Array of IPv6 tries, one for each place.
pub const TRIES_V6: &str = "TRIES_V6";
/// One `u32`: the place of the published generation.
pub const ACTIVE: &str = "ACTIVE";
/// One `u32`: the place that [`PROGRAM_PROVE`] judges by.
pub const PROVEN: &str = "PROVEN";
/// One `u64`: the tick (`jiffies64`) until which the list is vouched for. 0: never was; `u64::MAX`: without an end.
pub const LEASE: &str = "LEASE";
/// Ring buffer of sampled sources, 16 bytes each: an IPv6 address, or an IPv4 address mapped into one (RFC 4291,
/// 2.5.5.2), in network byte order.
pub const SAMPLES: &str = "SAMPLES";
/// One `u64` a CPU: samples that found the ring full.
pub const SAMPLES_LOST: &str = "SAMPLES_LOST";
/// Counters of ranges, by [`range_index`](crate::counter::range_index).
pub const RANGE_COUNTERS: &str = "RANGE_COUNTERS";
/// Counters of classes, by [`class_index`](crate::counter::class_index).
pub const CLASS_COUNTERS: &str = "CLASS_COUNTERS";
/// Ring buffer of log records, as aya-log names it.
pub const LOGS: &str = "AYA_LOGS";

/// `[u16; MAX_PORTS]`: the watched ports, host byte order.
pub const PORTS: &str = "PORTS";
/// `u32`: how many of them count.
pub const PORT_COUNT: &str = "PORT_COUNT";
/// `[u32; MAX_INTERFACES]`: the interfaces' indexes.
pub const IFINDEXES: &str = "IFINDEXES";
/// `u32`: how many of them count.
pub const IFINDEX_COUNT: &str = "IFINDEX_COUNT";
/// `u32`: slots of a row of [`RANGE_COUNTERS`].
pub const CAPACITY: &str = "CAPACITY";
/// `u8`: 1 to send a log record of each packet to a watched port.
pub const LOG_PACKETS: &str = "LOG_PACKETS";

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
