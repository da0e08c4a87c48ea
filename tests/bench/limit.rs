//! The limit: a program that does the default job for the plain IPv4 frame and nothing else, written as
//! single instructions. It shows the difference between our program and the best possible one on a machine.
//!
//! It has one interface, one port and no settings, uses no trie, and passes every other frame uncounted. It
//! reads the same direct table as our program, through a base page that it loads for each packet.

use anyhow::{Context as _, Result, ensure};
use aya::{
    maps::{Array, IterableMap as _, MapData, PerCpuArray},
    programs::Program,
};
use aya_obj::generated::bpf_func_id::{BPF_FUNC_jiffies64, BPF_FUNC_skb_load_bytes_relative};
use d365_common::{
    counter::Counter,
    direct::{Cell, DEFAULT_PAGES, Page},
    entry::{Entry, MAX_SLOTS},
};
use d365_user::{
    generation::{self, Table},
    ranges::Range,
};

use crate::{
    bpf::{self, TC_NEXT, XDP_PASS},
    code::{Code, PASS, Width},
    programs::{array, run, xdp},
    subject::Class,
};

/// Length in bytes of Ethernet, IPv4 and TCP headers without options.
const HEAD: i32 = 54;
/// 16-bit fields as a little-endian load returns them.
const ETHERTYPE_IPV4: u32 = 0x0008;
const FRAGMENT: u32 = 0xff3f;
const SMTP: u32 = 0x1900;
const LISTED: u32 = Cell::listed(Entry::from_bits(0)).bits();
/// The mark without the geo's number.
const MARK: u32 = 0xd365_0000;
/// Indexes of the class counters.
const OTHER_PORT: u32 = 0;
const UNLISTED: u32 = 1;

/// The loaded program and its maps.
pub(crate) struct Limit {
    pub(crate) program: Program,
    ranges: PerCpuArray<MapData, Counter>,
    classes: PerCpuArray<MapData, Counter>,
}

impl Limit {
    /// Loads the program for a list.
    pub(crate) fn new(ranges: &[Range], frags: bool) -> Result<Self> {
        let (tables, base) = (table(ranges)?, array(&[0_u32])?);
        let ranges = PerCpuArray::create(u32::try_from(ranges.len())?, 0)?;
        let classes = PerCpuArray::create(2, 0)?;
        let code = code(tables.map(), base.map(), ranges.map(), classes.map());
        let program = xdp("limit", &code, frags)?;
        Ok(Self { program, ranges, classes })
    }

    /// Runs a frame once and returns the class in which the program counted it.
    pub(crate) fn classify(&self, frame: &[u8]) -> Result<Class> {
        let before = self.counted()?;
        let action = run(&self.program, frame)?;
        let after = self.counted()?;
        ensure!(action == XDP_PASS, "the packet did not pass: {action}");
        let moved = before.iter().zip(&after).map(|(before, after)| after - before);
        match moved.collect::<Vec<_>>()[..] {
            [1, 0, 0] => Ok(Class::Other),
            [0, 1, 0] => Ok(Class::Unlisted),
            [0, 0, 1] => Ok(Class::Listed),
            ref moved => anyhow::bail!("one packet was counted as {moved:?}"),
        }
    }

    /// Number of packets to other ports, unlisted, and of all ranges.
    fn counted(&self) -> Result<[u64; 3]> {
        let packets = |map: &PerCpuArray<MapData, Counter>, index: u32| -> Result<u64> {
            Ok(map.get(&index, 0)?.iter().map(|counter| counter.packets).sum())
        };
        let ranges = (0..self.ranges.len()).map(|slot| packets(&self.ranges, slot)).sum::<Result<u64>>()?;
        Ok([packets(&self.classes, OTHER_PORT)?, packets(&self.classes, UNLISTED)?, ranges])
    }
}

/// Loads the tc program that marks plain packets of a list and does nothing else: the limit of `d365_tag`.
pub(crate) fn marking(ranges: &[Range]) -> Result<Program> {
    let (tables, base, lease) = (table(ranges)?, array(&[0_u32])?, array(&[u64::MAX])?);
    let marked = PerCpuArray::<_, Counter>::create(1, 0)?;
    // The copied head is at -80 on the stack, the context at -16; `r7` = length. The copy starts at the
    // Ethernet header (start 0).
    let code = Code::default().read(Width::Four, 7, 1, 0).write(Width::Eight, 10, -16, 1);
    let code = code
        .set(2, 0)
        .copy(3, 10)
        .add(3, -80)
        .set(4, HEAD.unsigned_abs())
        .set(5, 0)
        .call(BPF_FUNC_skb_load_bytes_relative);
    let code = recognise(code.if_not(0, 0, PASS).copy(6, 10).add(6, -80));
    let code = code.read(Width::Two, 2, 6, 36).if_not(2, SMTP, PASS);
    let code = source(code, tables.map(), base.map()).if_not(2, LISTED, PASS);
    // The geo's number, while the lease has not ended.
    let code = code.shift_right(1, MAX_SLOTS.ilog2()).mask(1, 0xff).copy(8, 1);
    let code =
        code.call(BPF_FUNC_jiffies64).value(2, lease.map()).read(Width::Eight, 2, 2, 0).if_above(0, 2, PASS);
    // `mark` of `struct __sk_buff` is at 8.
    let code =
        code.set(2, MARK).add_register(2, 8).read(Width::Eight, 1, 10, -16).write(Width::Four, 1, 8, 2);
    let code = bump(code.set(8, 0).set(1, 0).look_up(marked.map()).if_zero(0, PASS));
    Ok(Program::SchedClassifier(bpf::classifier("limit", &code.end(TC_NEXT, TC_NEXT))?))
}

/// The direct table of a list.
fn table(ranges: &[Range]) -> Result<Array<MapData, Page>> {
    let numbers: Vec<u32> = (0..u32::try_from(ranges.len())?).collect();
    let compiled = generation::compile(ranges, &numbers).context("too many ranges")?;
    array(Table::new(&compiled.entries, DEFAULT_PAGES).pages())
}

/// `r6` = packet, `r7` = its length, `r8` = 1 if it opens a connection (else 0), `r9` = base page.
fn code(tables: &MapData, base: &MapData, ranges: &MapData, classes: &MapData) -> Vec<u64> {
    let code = recognise(Code::default().packet(6, 1, HEAD).copy(7, 3).subtract(7, 6));
    let code = code.set(8, 0).set(1, OTHER_PORT).read(Width::Two, 2, 6, 36).if_not(2, SMTP, "other port");
    // SYN without ACK.
    let code = code.read(Width::One, 2, 6, 47).mask(2, 0x12).if_not(2, 0x02, "counting").set(8, 1);
    let code = source(code.label("counting"), tables, base).if_not(2, LISTED, "unlisted");
    let code = code.mask(1, MAX_SLOTS - 1).look_up(ranges).go_to("counted");
    let code = code.label("unlisted").set(1, UNLISTED).label("other port").look_up(classes);
    bump(code.label("counted").if_zero(0, PASS)).end(XDP_PASS, XDP_PASS)
}

/// Passes unless the frame is plain. On entry, `r3` is the frame's end.
fn recognise(code: Code) -> Code {
    code.read(Width::Two, 1, 6, 12)
        .if_not(1, ETHERTYPE_IPV4, PASS)
        .read(Width::One, 1, 6, 14)
        .if_not(1, 0x45, PASS)
        .read(Width::One, 1, 6, 23)
        .if_not(1, 6, PASS)
        .read(Width::Two, 1, 6, 20)
        .mask(1, FRAGMENT)
        .if_not(1, 0, PASS)
        .read(Width::Two, 1, 6, 16)
        .convert_to_host_order(1)
        .copy(2, 1)
        .add(2, 14)
        .if_above(2, 7, PASS)
        .read(Width::One, 3, 6, 46)
        .mask(3, 0xf0)
        .shift_right(3, 2)
        .if_below(3, 20, PASS)
        .add(3, 20)
        .if_above(3, 1, PASS)
}

/// `r1` = the cell for the source, `r2` = its kind.
fn source(code: Code, tables: &MapData, base: &MapData) -> Code {
    let kind = Cell::page(0).bits() | LISTED;
    let code = code.value(9, base).read(Width::Four, 9, 9, 0).read(Width::One, 1, 6, 26);
    // The first two bytes of the source, and one more byte for each further page. Each byte selects a cell of
    // the page `base + r1`.
    let cells = [27, 28, 29].into_iter().fold(code, |code, at| {
        let code = code.add_register(1, 9).look_up(tables).if_zero(0, PASS);
        let code = code.read(Width::One, 1, 6, at).shift_left(1, 2).add_register(0, 1);
        let code = code.read(Width::Four, 1, 0, 0).copy(2, 1).mask(2, kind);
        code.if_not(2, Cell::page(0).bits(), "found").mask(1, !kind)
    });
    cells.label("found")
}

/// Counts a packet of `r7` bytes in the counter at `r0`, and `r8` connections.
fn bump(code: Code) -> Code {
    let code = code.read(Width::Eight, 1, 0, 0).add(1, 1).write(Width::Eight, 0, 0, 1);
    let code = code.read(Width::Eight, 1, 0, 8).add_register(1, 7).write(Width::Eight, 0, 8, 1);
    code.read(Width::Eight, 1, 0, 16).add_register(1, 8).write(Width::Eight, 0, 16, 1)
}
