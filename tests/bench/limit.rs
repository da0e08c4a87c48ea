//! The limit: a program that does the default job for the plain IPv4 frame and nothing else, written as
//! single instructions. It shows the difference between our program and the best possible one on a machine.
//!
//! It has one interface, one port and no settings, uses no trie, and passes every other frame uncounted. It
//! reads the same direct table as our program, through a base page that it loads for each packet.

use anyhow::{Result, ensure};
use d365_common::{
    counter::Counter,
    direct::{Cell, DEFAULT_PAGES, Page},
    entry::{Entry, MAX_SLOTS},
};
use d365_tests::bpf::{
    Map, Program,
    code::{Code, JIFFIES, Jump, LOAD_BYTES, LOOK_UP, When, Width, XDP_PASS},
};
use d365_user::{
    generation::{self, Table},
    ranges::Range,
};

use crate::subject::Class;

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
    ranges: Map,
    classes: Map,
    slots: u32,
}

impl Limit {
    /// Loads the program for a list.
    pub(crate) fn new(ranges: &[Range], frags: bool) -> Result<Self> {
        let slots = u32::try_from(ranges.len())?;
        let (tables, base) = (table(ranges)?, Map::array("base", &[[0; 4]])?);
        let ranges = Map::per_cpu("ranges", Counter::SIZE, slots)?;
        let classes = Map::per_cpu("classes", Counter::SIZE, 2)?;
        let program = Program::load(&code(&tables, &base, &ranges, &classes), frags)?;
        Ok(Self { program, ranges, classes, slots })
    }

    /// Runs a frame once and returns the class in which the program counted it.
    pub(crate) fn classify(&self, frame: &[u8]) -> Result<Class> {
        let before = self.counted()?;
        let action = self.program.run(frame)?;
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
        let ranges = (0..self.slots).map(|slot| packets(&self.ranges, slot));
        let ranges = ranges.sum::<Result<u64>>()?;
        Ok([packets(&self.classes, OTHER_PORT)?, packets(&self.classes, UNLISTED)?, ranges])
    }
}

/// Loads the tc program that marks plain packets of a list and does nothing else: the limit of `d365_tag`.
pub(crate) fn marking(ranges: &[Range]) -> Result<Program> {
    let (tables, base) = (table(ranges)?, Map::array("base", &[[0; 4]])?);
    let (lease, marked) = (Map::array("lease", &[[0xff; 8]])?, Map::per_cpu("marked", Counter::SIZE, 1)?);
    // The copied head is at -80 on the stack, the context at -16; `r7` = length.
    let code = Code::classifier("limit").read(Width::Four, 7, 1, 0).write(Width::Eight, 10, -16, 1);
    let code = code.set(2, 0).copy(3, 10).add(3, -80).set(4, HEAD.unsigned_abs()).set(5, 0).call(LOAD_BYTES);
    let code = recognise(code.end_if(0, When::Differs, 0).copy(6, 10).add(6, -80));
    let code = code.read(Width::Two, 2, 6, 36).end_if(2, When::Differs, SMTP);
    let code = source(code, &tables, &base).end_if(2, When::Differs, LISTED);
    // The geo's number, while the lease has not ended.
    let code = code.shift_right(1, MAX_SLOTS.ilog2()).mask(1, 0xff).copy(8, 1);
    let code = code.call(JIFFIES).value(2, &lease).read(Width::Eight, 2, 2, 0).end_if_above(0, 2);
    // `mark` of `struct __sk_buff` is at 8.
    let code =
        code.set(2, MARK).add_register(2, 8).read(Width::Eight, 1, 10, -16).write(Width::Four, 1, 8, 2);
    let code = look_up(code.set(8, 0).set(1, 0), &marked).end_if_zero(0);
    Program::load(&bump(code).end(u32::MAX), false)
}

/// The direct table of a list.
fn table(ranges: &[Range]) -> Result<Map> {
    let numbers: Vec<u32> = (0..u32::try_from(ranges.len())?).collect();
    let compiled = generation::compile(ranges, &numbers, u32::MAX)?;
    let table = Table::new(&compiled.entries, DEFAULT_PAGES);
    Map::array("tables", &table.pages().iter().map(bytes).collect::<Vec<_>>())
}

/// Number of packets of a counter, on all processors.
fn packets(map: &Map, index: u32) -> Result<u64> {
    let size = Counter::SIZE as usize;
    let processors = aya::util::nr_cpus().map_err(|(what, error)| anyhow::anyhow!("{what}: {error}"))?;
    let value = map.read(index, size, processors)?;
    let first = |counter: &[u8]| counter.first_chunk().map_or(0, |packets| u64::from_ne_bytes(*packets));
    Ok(value.chunks(size).map(first).sum())
}

fn bytes(page: &Page) -> [u8; size_of::<Page>()] {
    let mut bytes = [0; size_of::<Page>()];
    for (to, cell) in bytes.chunks_exact_mut(4).zip(page) {
        to.copy_from_slice(&cell.to_ne_bytes());
    }
    bytes
}

/// `r6` = packet, `r7` = its length, `r8` = 1 if it opens a connection (else 0), `r9` = base page.
fn code(tables: &Map, base: &Map, ranges: &Map, classes: &Map) -> Code {
    let code = recognise(Code::new("limit").packet(6, 1, HEAD).copy(7, 3).subtract(7, 6));
    let (code, other_port) =
        code.set(8, 0).set(1, OTHER_PORT).read(Width::Two, 2, 6, 36).jump_if(2, When::Differs, SMTP);
    // SYN without ACK.
    let code = code.read(Width::One, 2, 6, 47).mask(2, 0x12);
    let (code, goes_on) = code.jump_if(2, When::Differs, 0x02);
    let code = source(code.set(8, 1).target_of(goes_on), tables, base);
    let (code, unlisted) = code.jump_if(2, When::Differs, LISTED);
    let (code, counted) = look_up(code.mask(1, MAX_SLOTS - 1), ranges).jump();
    let code = code.target_of(unlisted).set(1, UNLISTED).target_of(other_port);
    let code = look_up(code, classes).target_of(counted).end_if_zero(0);
    bump(code).end(XDP_PASS)
}

/// Ends the program unless the frame is plain. On entry, `r3` is the frame's end.
fn recognise(code: Code) -> Code {
    code.read(Width::Two, 1, 6, 12)
        .end_if(1, When::Differs, ETHERTYPE_IPV4)
        .read(Width::One, 1, 6, 14)
        .end_if(1, When::Differs, 0x45)
        .read(Width::One, 1, 6, 23)
        .end_if(1, When::Differs, 6)
        .read(Width::Two, 1, 6, 20)
        .mask(1, FRAGMENT)
        .end_if(1, When::Differs, 0)
        .read(Width::Two, 1, 6, 16)
        .from_network_order(1)
        .copy(2, 1)
        .add(2, 14)
        .end_if_above(2, 7)
        .read(Width::One, 3, 6, 46)
        .mask(3, 0xf0)
        .shift_right(3, 2)
        .end_if(3, When::Below, 20)
        .add(3, 20)
        .end_if_above(3, 1)
}

/// `r1` = the cell for the source, `r2` = its kind.
fn source(code: Code, tables: &Map, base: &Map) -> Code {
    let code = code.value(9, base).read(Width::Four, 9, 9, 0);
    // The first two bytes of the source, and one more byte for each further page.
    let kind = Cell::page(0).bits() | LISTED;
    let (code, first) = cell(code.read(Width::One, 1, 6, 26), tables, 27, kind);
    let (code, second) = cell(code, tables, 28, kind);
    let (code, third) = cell(code, tables, 29, kind);
    code.target_of(first).target_of(second).target_of(third)
}

/// Counts a packet of `r7` bytes in the counter at `r0`, and `r8` connections.
fn bump(code: Code) -> Code {
    let code = code.read(Width::Eight, 1, 0, 0).add(1, 1).write(Width::Eight, 0, 0, 1);
    let code = code.read(Width::Eight, 1, 0, 8).add_register(1, 7).write(Width::Eight, 0, 8, 1);
    code.read(Width::Eight, 1, 0, 16).add_register(1, 8).write(Width::Eight, 0, 16, 1)
}

/// `r1` = the cell of page `base + r1` for the source's byte at `at`, `r2` = its kind. The code continues
/// with the page that the cell names, or jumps.
fn cell(code: Code, tables: &Map, at: i16, kind: u32) -> (Code, Jump) {
    let code = look_up(code.add_register(1, 9), tables).end_if_zero(0);
    let code = code.read(Width::One, 1, 6, at).shift_left(1, 2).add_register(0, 1);
    let code = code.read(Width::Four, 1, 0, 0).copy(2, 1).mask(2, kind);
    let (code, jump) = code.jump_if(2, When::Differs, Cell::page(0).bits());
    (code.mask(1, !kind), jump)
}

/// `r0` = pointer to the value at index `r1`, or 0.
fn look_up(code: Code, map: &Map) -> Code {
    code.write(Width::Four, 10, -4, 1).map(1, map).copy(2, 10).add(2, -4).call(LOOK_UP)
}
