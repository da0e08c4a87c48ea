//! Programs that ours is compared with, and programs that run before them. Each has a few plain instructions.
//!
//! A program that `BPF_PROG_TEST_RUN` repeats finds its frame as its last run left it. So a small program in
//! front makes the parts that must be new for each run, and continues by a tail call. The same program is
//! timed in front of the floor.

use anyhow::Result;

use d365_tests::bpf::{
    Kind, Map, Program,
    code::{Code, LENGTH, LOOK_UP, RANDOM, TAIL_CALL, Width, XDP_PASS, XDP_TX},
};

/// Offsets in an untagged frame: the IPv4 header's checksum and source, and the TCP checksum after it.
const CHECKSUM: i16 = 24;
const SOURCE: i16 = 26;
const TCP_CHECKSUM: i16 = 50;
/// Bytes up to the end of the IPv4 header, and of the TCP header after it.
const IPV4_END: i32 = 34;
const TCP_END: i32 = 54;

/// An XDP program that does nothing.
pub(crate) fn floor(frags: bool) -> Result<Program> {
    Program::load(&Code::new("floor").end(XDP_PASS), frags)
}

/// A tc program that does nothing.
pub(crate) fn tc_floor() -> Result<Program> {
    Program::passing(Kind::Classifier, "floor", None)
}

/// Reads the packet's source, and then writes `count` numbers to registers: the cost of the instructions
/// alone.
pub(crate) fn moves(count: u32) -> Result<Program> {
    let code = Code::new("moves").packet(2, 1, IPV4_END).read(Width::Four, 7, 2, SOURCE).end_if_zero(7);
    let moves = (0..count).zip([3, 4, 5, 8].into_iter().cycle());
    let code = moves.fold(code, |code, (value, register)| code.set(register, value));
    Program::load(&code.end(XDP_PASS), false)
}

/// Calls a helper that does almost nothing, if the kernel has it.
pub(crate) fn call(frags: bool) -> Result<Option<Program>> {
    frags.then(|| Program::load(&Code::new("call").call(LENGTH).end(XDP_PASS), frags)).transpose()
}

/// Looks up the packet's source in a trie and does nothing else: the cost of the kernel's trie alone. `at` is
/// the offset of the source in the frame, `words` its length in words of four bytes.
pub(crate) fn trie(trie: &Map, at: i16, words: i16, frags: bool) -> Result<Program> {
    let key = -4 * (words + 1);
    let mut code = Code::new("trie").packet(2, 1, i32::from(at + 4 * words));
    for word in 0..words {
        code = code.read(Width::Four, 5, 2, at + 4 * word).write(Width::Four, 10, key + 4 * (word + 1), 5);
    }
    code = code.set(5, u32::from(words.unsigned_abs()) * 32).write(Width::Four, 10, key, 5);
    code = code.map(1, trie).copy(2, 10).add(2, i32::from(key)).call(LOOK_UP);
    Program::load(&code.end(XDP_PASS), frags)
}

/// A program that continues with another one. It is timed with the floor after it, and with the measured
/// program after it.
pub(crate) struct Before {
    program: Program,
    next: Map,
}

impl Before {
    /// Draws the frame's IPv4 source from an array at random. The array's length is a power of two.
    pub(crate) fn drawing(sources: &[[u8; 4]], frags: bool) -> Result<Self> {
        let (next, array) = (Map::tail_call()?, Map::array("sources", sources)?);
        let code = draw(Code::new("draw"), &array, sources.len())?
            .read(Width::Four, 7, 0, 0)
            .packet(2, 6, IPV4_END)
            .write(Width::Four, 2, SOURCE, 7);
        let code = code.copy(1, 6).map(2, &next).set(3, 0).call(TAIL_CALL).end(XDP_PASS);
        Ok(Self { program: Program::load(&code, frags)?, next })
    }

    /// Makes `next` the program after this one, and returns this one.
    pub(crate) fn then(&self, next: &Program) -> Result<&Program> {
        self.next.goes_to(next)?;
        Ok(&self.program)
    }
}

/// A segment's source and the checksums that belong to it: source, checksum of the IP header, checksum of the
/// segment.
pub(crate) type Drawn = [u8; 8];

/// Sets the frame's source to a random one of `drawn`, whose length is a power of two, and sends the frame
/// back.
pub(crate) fn generator(drawn: &[Drawn]) -> Result<Program> {
    let array = Map::array("drawn", drawn)?;
    let code = draw(Code::new("generator"), &array, drawn.len())?
        .packet(2, 6, TCP_END)
        .read(Width::Four, 7, 0, 0)
        .write(Width::Four, 2, SOURCE, 7)
        .read(Width::Two, 7, 0, 4)
        .write(Width::Two, 2, CHECKSUM, 7)
        .read(Width::Two, 7, 0, 6)
        .write(Width::Two, 2, TCP_CHECKSUM, 7);
    Program::load(&code.end(XDP_TX), false)
}

/// `r0` = pointer to a random value of the array; `r6` = the context.
fn draw(code: Code, array: &Map, length: usize) -> Result<Code> {
    anyhow::ensure!(length.is_power_of_two(), "{length} values are no power of two");
    let mask = u32::try_from(length - 1)?;
    let code = code.copy(6, 1).call(RANDOM).mask(0, mask).write(Width::Four, 10, -4, 0);
    Ok(code.map(1, array).copy(2, 10).add(2, -4).call(LOOK_UP).end_if_zero(0))
}
