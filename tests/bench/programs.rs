//! The programs that ours is held against, and those that lead up to it: each a few plain instructions.
//!
//! A program that is run again and again by `BPF_PROG_TEST_RUN` finds its frame as it left it. So what must be new for each
//! run is done by a small program in front, which goes on by a tail call; it is timed in front of the floor as well.

use anyhow::Result;

use d365_tests::bpf::{
    Map, Program,
    code::{ADJUST_METADATA, Code, LENGTH, LOOK_UP, RANDOM, TAIL_CALL, Width, XDP_PASS, XDP_TX},
};

/// Where an IPv4 header's checksum and source stand in an untagged frame, and a TCP checksum behind it.
const CHECKSUM: i16 = 24;
const SOURCE: i16 = 26;
const TCP_CHECKSUM: i16 = 50;
/// Bytes up to the end of an IPv4 header, and of a TCP header behind it.
const IPV4_END: i32 = 34;
const TCP_END: i32 = 54;

/// Does nothing.
pub(crate) fn floor(frags: bool) -> Result<Program> {
    Program::load(&Code::new("floor").end(XDP_PASS), frags)
}

/// Reads the packet's source, and then writes so many numbers to registers: what so many instructions cost by themselves.
pub(crate) fn moves(count: u32) -> Result<Program> {
    let code = Code::new("moves").packet(2, 1, IPV4_END).read(Width::Four, 7, 2, SOURCE).end_if_zero(7);
    let moves = (0..count).zip([3, 4, 5, 8].into_iter().cycle());
    let code = moves.fold(code, |code, (value, register)| code.set(register, value));
    Program::load(&code.end(XDP_PASS), false)
}

/// Calls a helper that does next to nothing, where the kernel has it.
pub(crate) fn call(frags: bool) -> Result<Option<Program>> {
    frags.then(|| Program::load(&Code::new("call").call(LENGTH).end(XDP_PASS), frags)).transpose()
}

/// Looks the packet's source up in a trie, and nothing else: what the kernel's trie costs by itself. `at` is where the source
/// begins in the frame, `words` its length in words of four bytes.
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

/// Programs that go on to another: to be timed with the floor behind it, and with the program in question.
pub(crate) struct Before {
    program: Program,
    next: Map,
}

impl Before {
    /// Draws the frame's IPv4 source from an array, whose length is a power of two.
    pub(crate) fn drawing(sources: &[[u8; 4]], frags: bool) -> Result<Self> {
        let (next, array) = (Map::tail_call()?, Map::array("sources", sources)?);
        let code = draw(Code::new("draw"), &array, sources.len())?
            .read(Width::Four, 7, 0, 0)
            .packet(2, 6, IPV4_END)
            .write(Width::Four, 2, SOURCE, 7);
        let code = code.copy(1, 6).map(2, &next).set(3, 0).call(TAIL_CALL).end(XDP_PASS);
        Ok(Self { program: Program::load(&code, frags)?, next })
    }

    /// Takes the metadata away that the run before has written.
    pub(crate) fn clearing(frags: bool) -> Result<Self> {
        let next = Map::tail_call()?;
        // Context: packet at 0, metadata at 8.
        let code = Code::new("clear").copy(6, 1).read(Width::Four, 2, 6, 0).read(Width::Four, 3, 6, 8);
        let code = code.subtract(2, 3).copy(1, 6).call(ADJUST_METADATA);
        let code = code.copy(1, 6).map(2, &next).set(3, 0).call(TAIL_CALL).end(XDP_PASS);
        Ok(Self { program: Program::load(&code, frags)?, next })
    }

    /// The program, with this one behind it from now on.
    pub(crate) fn then(&self, next: &Program) -> Result<&Program> {
        self.next.goes_to(next)?;
        Ok(&self.program)
    }
}

/// A segment's source and the checksums that go with it: source, checksum of the header, checksum of the segment.
pub(crate) type Drawn = [u8; 8];

/// Gives the frame a source drawn from `drawn`, whose length is a power of two, and sends it back where it came from.
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

/// `r0` = a value of the array, drawn at random; `r6` = the context.
fn draw(code: Code, array: &Map, length: usize) -> Result<Code> {
    anyhow::ensure!(length.is_power_of_two(), "{length} values are no power of two");
    let mask = u32::try_from(length - 1)?;
    let code = code.copy(6, 1).call(RANDOM).mask(0, mask).write(Width::Four, 10, -4, 0);
    Ok(code.map(1, array).copy(2, 10).add(2, -4).call(LOOK_UP).end_if_zero(0))
}
