//! All maps and load-time constants of the object.
//!
//! Maps are declared by BTF, so that libbpf's tools can read the object too. `d365_common::names` has the
//! names of maps and constants. Constants are read-only data that the loader sets before it loads the
//! program. The verifier knows their values and removes the code that they switch off.

use core::cell::UnsafeCell;

use aya_ebpf::{
    Global,
    btf_maps::{Array, ArrayOfMaps, LpmTrie, PerCpuArray, RingBuf},
    macros::btf_map,
};
use d365_common::{
    counter::{CLASS_ROW, Counter},
    direct::{self, DEFAULT_PAGES, Page},
    dscp::Dscp,
    key,
    lease::Ends,
    mark::Mark,
    names::{BUFFERS, DEFAULT_CAPACITY, MAX_INTERFACES, MAX_PORTS, SAMPLE_RING, SMTP_PORT},
    setup::Setup,
};

/// Template of the inner IPv4 tries. The loader gives each the size of its generation.
///
/// The value is the bits of an [`Entry`](d365_common::entry::Entry), not the struct. The loader makes inner
/// maps without BTF. Kernels before 6.2 reject such a map if the template's BTF describes its value as a
/// struct (`timer_off` in `bpf_map_meta_equal`; seen on 6.1).
pub(crate) type TrieV4 = LpmTrie<key::Ipv4, u32, 1>;
/// Template of the inner IPv6 tries.
pub(crate) type TrieV6 = LpmTrie<key::Ipv6Words, u32, 1>;

#[btf_map]
pub(crate) static TRIES_V4: ArrayOfMaps<TrieV4, { BUFFERS as usize }> = ArrayOfMaps::new();
#[btf_map]
pub(crate) static TRIES_V6: ArrayOfMaps<TrieV6, { BUFFERS as usize }> = ArrayOfMaps::new();
#[btf_map]
pub(crate) static PROVEN: Array<u32, 1> = Array::new();
#[btf_map]
pub(crate) static LEASE: Array<Ends, 1> = Array::new();
#[btf_map]
pub(crate) static SAMPLES: RingBuf<(), { SAMPLE_RING as usize }> = RingBuf::new();
#[btf_map]
pub(crate) static SAMPLES_LOST: PerCpuArray<u64, 1> = PerCpuArray::new();
#[btf_map]
pub(crate) static RANGE_COUNTERS: PerCpuArray<Counter, { DEFAULT_CAPACITY as usize }> = PerCpuArray::new();
#[btf_map]
pub(crate) static CLASS_COUNTERS: PerCpuArray<Counter, { CLASS_ROW as usize }> = PerCpuArray::new();
#[btf_map]
pub(crate) static TABLES: Array<Page, { (BUFFERS * direct::pages(DEFAULT_PAGES)) as usize }> = Array::new();

#[btf_map]
pub(crate) static FAILSAFE_V4: ArrayOfMaps<TrieV4, 1> = ArrayOfMaps::new();
#[btf_map]
pub(crate) static FAILSAFE_V6: ArrayOfMaps<TrieV6, 1> = ArrayOfMaps::new();

#[unsafe(no_mangle)]
static PORTS: [Global<u16>; MAX_PORTS] = [const { Global::new(SMTP_PORT) }; MAX_PORTS];
#[unsafe(no_mangle)]
static CAPACITY: Global<u32> = Global::new(DEFAULT_CAPACITY);
#[unsafe(no_mangle)]
static SETUP: Global<u64> = Global::new(Setup::DEFAULT.bits());
#[unsafe(no_mangle)]
static LOG_PACKETS: Global<u8> = Global::new(0);
#[unsafe(no_mangle)]
static SAMPLE_UNLISTED: Global<u8> = Global::new(0);
#[unsafe(no_mangle)]
static MARK_BASE: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
static MARK_MASK: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
static DSCP: Global<u8> = Global::new(0);
#[unsafe(no_mangle)]
static TAG_RETIRED: Global<u8> = Global::new(0);
#[unsafe(no_mangle)]
static DROP_UNLISTED: Global<u8> = Global::new(0);

/// A variable and not a declared map, because a map would cost every packet a lookup.
#[unsafe(no_mangle)]
pub(crate) static ACTIVE: Variable = Variable(UnsafeCell::new(0));

/// The interface of each row of counters. The daemon changes it when an interface returns with another index,
/// before the programs run there.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".data")]
static IFINDEXES: [Variable; MAX_INTERFACES] = [const { Variable(UnsafeCell::new(0)) }; MAX_INTERFACES];

/// A number that the daemon writes and the programs read.
#[repr(transparent)]
pub(crate) struct Variable(UnsafeCell<u32>);

// SAFETY: the programs only read it. The daemon writes it from outside, by aligned stores that are not torn.
// It changes several numbers of an array at once only where no program uses them.
unsafe impl Sync for Variable {}

impl Variable {
    #[inline(always)]
    pub(crate) fn load(&self) -> u32 {
        // SAFETY: the pointer is to a value of this type. The load is volatile, because nothing in the
        // program writes the value.
        unsafe { self.0.get().read_volatile() }
    }
}

/// True if a TCP destination port (host byte order) is watched.
#[inline(always)]
pub(crate) fn is_watched(setup: Setup, port: u16) -> bool {
    let [_, others @ ..] = &PORTS;
    // At least one port is watched, and the set-up has the first.
    setup.port() == port
        || others.iter().zip(1..).any(|(watched, index)| index < setup.ports() && watched.load() == port)
}

/// The counters' row for the interface whose index `ifindex` returns. With one interface, `ifindex` is not
/// called.
#[inline(always)]
pub(crate) fn row(setup: Setup, ifindex: impl FnOnce() -> u32) -> u32 {
    let count = setup.interfaces();
    if count <= 1 {
        return 0;
    }
    let ifindex = ifindex();
    let mut rows = (0..count).zip(&IFINDEXES);
    rows.find(|(_, known)| known.load() == ifindex).map_or(count, |(row, _)| row)
}

/// The set-up. Each load costs time, so the path of a packet calls this once.
#[inline(always)]
pub(crate) fn setup() -> Setup {
    Setup::from_bits(SETUP.load())
}

/// Number of slots in a row of range counters.
#[inline(always)]
pub(crate) fn capacity() -> u32 {
    CAPACITY.load()
}

/// The mark of trusted packets, if there is one.
#[inline(always)]
pub(crate) fn mark() -> Option<Mark> {
    Mark::new(MARK_BASE.load(), MARK_MASK.load())
}

/// The code point of trusted segments, if there is one.
#[inline(always)]
pub(crate) fn dscp() -> Option<Dscp> {
    Dscp::new(DSCP.load())
}

/// True if packets from retired ranges are tagged too.
#[inline(always)]
pub(crate) fn tag_retired() -> bool {
    TAG_RETIRED.load() != 0
}

/// True if new connections from unlisted sources are dropped.
#[inline(always)]
pub(crate) fn drop_unlisted() -> bool {
    DROP_UNLISTED.load() != 0
}

/// True if the sources of new unlisted connections are sampled.
#[inline(always)]
pub(crate) fn sample_unlisted() -> bool {
    SAMPLE_UNLISTED.load() != 0
}

/// True if log records of packets are enabled.
#[inline(always)]
pub(crate) fn log_packets() -> bool {
    LOG_PACKETS.load() != 0
}
