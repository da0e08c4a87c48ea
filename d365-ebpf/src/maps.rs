//! Maps and load-time constants of the object, all declared here.
//!
//! Maps are declared by BTF, so that libbpf's tools read the object as well. Their names, and the
//! constants', are those of `d365_common::names`. Constants are read-only data that the loader fills in
//! before the program is loaded; the verifier knows their values and removes code that they switch off.

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
    names::{DEFAULT_CAPACITY, MAX_INTERFACES, MAX_PORTS, PLACES, SAMPLE_RING, SMTP_PORT},
    path::Seen,
    setup::Setup,
};

/// Template of the inner IPv4 tries; the loader makes each as large as its generation.
///
/// The value is an [`Entry`](d365_common::entry::Entry)'s bits, not the structure: kernels before 6.2
/// refuse an inner map without BTF, as the loader makes them, where the template's BTF says that its value
/// is a structure (`timer_off` in `bpf_map_meta_equal`; seen on 6.1).
pub(crate) type TrieV4 = LpmTrie<key::Ipv4, u32, 1>;
/// Template of the inner IPv6 tries.
pub(crate) type TrieV6 = LpmTrie<key::Ipv6Words, u32, 1>;

/// Rows at most: one an interface, and one for packets that name none.
const ROWS: usize = MAX_INTERFACES + 1;

#[btf_map]
pub(crate) static TRIES_V4: ArrayOfMaps<TrieV4, { PLACES as usize }> = ArrayOfMaps::new();
#[btf_map]
pub(crate) static TRIES_V6: ArrayOfMaps<TrieV6, { PLACES as usize }> = ArrayOfMaps::new();
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
pub(crate) static TABLES: Array<Page, { (PLACES * direct::pages(DEFAULT_PAGES)) as usize }> = Array::new();

#[btf_map]
pub(crate) static TAG_PATHS: Array<u32, { ROWS }> = Array::new();
#[btf_map]
pub(crate) static TAG_SEEN: PerCpuArray<Seen, { ROWS }> = PerCpuArray::new();
#[btf_map]
pub(crate) static FAILSAFE_V4: ArrayOfMaps<TrieV4, 1> = ArrayOfMaps::new();
#[btf_map]
pub(crate) static FAILSAFE_V6: ArrayOfMaps<TrieV6, 1> = ArrayOfMaps::new();

#[unsafe(no_mangle)]
static PORTS: [Global<u16>; MAX_PORTS] = [const { Global::new(SMTP_PORT) }; MAX_PORTS];
#[unsafe(no_mangle)]
static IFINDEXES: [Global<u32>; MAX_INTERFACES] = [const { Global::new(0) }; MAX_INTERFACES];
#[unsafe(no_mangle)]
static CAPACITY: Global<u32> = Global::new(DEFAULT_CAPACITY);
#[unsafe(no_mangle)]
static SETUP: Global<u32> = Global::new(Setup::DEFAULT.bits());
#[unsafe(no_mangle)]
static LOG_PACKETS: Global<u8> = Global::new(0);
#[unsafe(no_mangle)]
static SAMPLE_UNLISTED: Global<u8> = Global::new(0);
#[unsafe(no_mangle)]
static MARK_BASE: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
static MARK_MASK: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
static TAG_KEY: Global<u64> = Global::new(0);
#[unsafe(no_mangle)]
static DSCP: Global<u8> = Global::new(0);
#[unsafe(no_mangle)]
static TAG_RETIRED: Global<u8> = Global::new(0);
#[unsafe(no_mangle)]
static DROP_UNLISTED: Global<u8> = Global::new(0);

/// In a map that is declared a look-up would be in every packet's way.
#[unsafe(no_mangle)]
pub(crate) static ACTIVE: Variable = Variable(UnsafeCell::new(0));

/// A number that the daemon sets and the programs read.
#[repr(transparent)]
pub(crate) struct Variable(UnsafeCell<u32>);

// SAFETY: the program only reads it, and what the daemon sets comes from outside, by stores that are whole.
unsafe impl Sync for Variable {}

impl Variable {
    /// Its value now.
    #[inline(always)]
    pub(crate) fn load(&self) -> u32 {
        // SAFETY: the pointer is to a value of this type. It is volatile, since nothing in the program sets
        // it.
        unsafe { self.0.get().read_volatile() }
    }
}

/// Whether a TCP destination port is one to look for.
#[inline(always)]
pub(crate) fn is_watched(setup: Setup, port: u16) -> bool {
    let [first, others @ ..] = &PORTS;
    // There is one at least.
    first.load() == port
        || others.iter().zip(1..).any(|(watched, index)| index < setup.ports() && watched.load() == port)
}

/// The counters' row for the interface whose index `ifindex` reads: it is not read where there is but one.
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

/// What is asked for every packet: once.
#[inline(always)]
pub(crate) fn setup() -> Setup {
    Setup::from_bits(SETUP.load())
}

/// Slots of a row of range counters.
#[inline(always)]
pub(crate) fn capacity() -> u32 {
    CAPACITY.load()
}

/// The mark that vouched-for packets get, if they get one.
#[inline(always)]
pub(crate) fn mark() -> Option<Mark> {
    Mark::new(MARK_BASE.load(), MARK_MASK.load())
}

/// What seals the records of the XDP program.
#[inline(always)]
pub(crate) fn tag_key() -> u64 {
    TAG_KEY.load()
}

/// The code point that vouched-for packets get, if they get one.
#[inline(always)]
pub(crate) fn dscp() -> Option<Dscp> {
    Dscp::new(DSCP.load())
}

/// Whether there is any tag.
#[inline(always)]
pub(crate) fn tags() -> bool {
    mark().is_some() || dscp().is_some()
}

/// Whether retired ranges are tagged as well.
#[inline(always)]
pub(crate) fn tag_retired() -> bool {
    TAG_RETIRED.load() != 0
}

/// Whether new connections from unlisted sources are dropped.
#[inline(always)]
pub(crate) fn drop_unlisted() -> bool {
    DROP_UNLISTED.load() != 0
}

/// Whether sources of new connections that are unlisted are sampled.
#[inline(always)]
pub(crate) fn sample_unlisted() -> bool {
    SAMPLE_UNLISTED.load() != 0
}

/// Whether log records are asked for.
#[inline(always)]
pub(crate) fn log_packets() -> bool {
    LOG_PACKETS.load() != 0
}
