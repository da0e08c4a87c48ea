//! Programs that ours is compared with, and programs that run before them. Each has a few plain instructions.
//!
//! A program that `BPF_PROG_TEST_RUN` repeats finds its frame as its last run left it. So a small program in
//! front makes the parts that must be new for each run, and continues by a tail call. The same program is
//! timed in front of the floor.

use anyhow::{Result, bail, ensure};
use aya::{
    Pod,
    maps::{Array, IterableMap, LpmTrie, Map, MapData, ProgramArray},
    programs::{Program, TcAttachType, TestRun as _, TestRunOptions, TestRunResult, Xdp, xdp::XdpMode},
};
use aya_obj::generated::{
    bpf_func_id::{
        BPF_FUNC_get_prandom_u32, BPF_FUNC_map_lookup_elem, BPF_FUNC_tail_call, BPF_FUNC_xdp_get_buff_len,
    },
    bpf_map_type::BPF_MAP_TYPE_PROG_ARRAY,
};
use nix::time::{ClockId, clock_gettime};

use crate::{
    bpf::{self, TC_NEXT, XDP_PASS},
    code::{Code, PASS, Width},
};

const XDP_TX: u32 = 3;

/// Offsets in an untagged frame: the IPv4 header's checksum and source, and the TCP checksum after it.
const CHECKSUM: i16 = 24;
const SOURCE: i16 = 26;
const TCP_CHECKSUM: i16 = 50;
/// Bytes up to the end of the IPv4 header, and of the TCP header after it.
const IPV4_END: i32 = 34;
const TCP_END: i32 = 54;

/// Runs a program through `BPF_PROG_TEST_RUN`.
pub(crate) fn test_run(program: &Program, options: TestRunOptions<'_>) -> Result<TestRunResult> {
    Ok(match program {
        Program::Xdp(program) => program.test_run(options)?,
        Program::SchedClassifier(program) => program.test_run(options)?,
        other => bail!("the benchmark has no program of the type {:?}", other.prog_type()),
    })
}

/// Runs a program once and returns its action.
pub(crate) fn run(program: &Program, frame: &[u8]) -> Result<u32> {
    let options = TestRunOptions { data_in: Some(frame), ..TestRunOptions::default() };
    Ok(test_run(program, options)?.return_value)
}

/// Returns the nanoseconds that one of `repeat` runs takes.
///
/// The kernel's own figure is in whole nanoseconds. This figure is the thread's processor time over the whole
/// call. The call's own cost, some 50 µs, is the same for every program, so it is not part of a difference of
/// two figures. Waiting, and other users of the processor, are not included.
#[expect(clippy::cast_precision_loss, reason = "far below 2^53 ns")]
pub(crate) fn time(program: &Program, frame: &[u8], repeat: u32) -> Result<f64> {
    let processor_time = || -> Result<i64> {
        let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
        Ok(time.tv_sec() * 1_000_000_000 + time.tv_nsec())
    };
    let before = processor_time()?;
    test_run(program, TestRunOptions { data_in: Some(frame), repeat, ..TestRunOptions::default() })?;
    Ok((processor_time()? - before) as f64 / f64::from(repeat))
}

/// Attaches a program to an interface of the calling thread's network namespace: as XDP in native mode, or at
/// tc's ingress. The program's drop detaches it.
pub(crate) fn attach(program: &mut Program, interface: &str) -> Result<()> {
    match program {
        Program::Xdp(program) => {
            program.attach(interface, XdpMode::Driver)?;
        }
        Program::SchedClassifier(program) => {
            program.attach(interface, TcAttachType::Ingress)?;
        }
        other => bail!("the benchmark has no program of the type {:?}", other.prog_type()),
    }
    Ok(())
}

pub(crate) fn xdp(name: &str, instructions: &[u64], frags: bool) -> Result<Program> {
    Ok(Program::Xdp(bpf::xdp(name, instructions, frags)?))
}

/// An XDP program that does nothing.
pub(crate) fn floor(frags: bool) -> Result<Program> {
    xdp("floor", &bpf::result(XDP_PASS), frags)
}

/// A tc program that does nothing.
pub(crate) fn tc_floor() -> Result<Program> {
    Ok(Program::SchedClassifier(bpf::classifier("floor", &bpf::result(TC_NEXT))?))
}

/// Reads the packet's source, and then writes `count` numbers to registers: the cost of the instructions
/// alone.
pub(crate) fn moves(count: u32) -> Result<Program> {
    let code = Code::default().packet(2, 1, IPV4_END).read(Width::Four, 7, 2, SOURCE).if_zero(7, PASS);
    let moves = (0..count).zip([3, 4, 5, 8].into_iter().cycle());
    let code = moves.fold(code, |code, (value, register)| code.set(register, value));
    xdp("moves", &code.end(XDP_PASS, XDP_PASS), false)
}

/// Calls a helper that does almost nothing, if the kernel has it (Linux 5.18).
pub(crate) fn call(frags: bool) -> Result<Option<Program>> {
    let code = Code::default().call(BPF_FUNC_xdp_get_buff_len).end(XDP_PASS, XDP_PASS);
    frags.then(|| xdp("call", &code, frags)).transpose()
}

/// Looks up the packet's source in a trie and does nothing else: the cost of the kernel's trie alone. `at` is
/// the offset of the source in the frame, `words` its length in words of four bytes.
pub(crate) fn trie<K: Pod>(
    trie: &LpmTrie<MapData, K, u32>,
    at: i16,
    words: i16,
    frags: bool,
) -> Result<Program> {
    let key = -4 * (words + 1);
    let mut code = Code::default().packet(2, 1, i32::from(at + 4 * words));
    for word in 0..words {
        code = code.read(Width::Four, 5, 2, at + 4 * word).write(Width::Four, 10, key + 4 * (word + 1), 5);
    }
    code = code.set(5, u32::from(words.unsigned_abs()) * 32).write(Width::Four, 10, key, 5);
    code = code.map(1, trie.map()).copy(2, 10).add(2, i32::from(key)).call(BPF_FUNC_map_lookup_elem);
    xdp("trie", &code.end(XDP_PASS, XDP_PASS), frags)
}

/// An array of these values.
pub(crate) fn array<V: Pod>(values: &[V]) -> Result<Array<MapData, V>> {
    let mut array = Array::create(u32::try_from(values.len())?, 0)?;
    for (index, value) in (0..).zip(values) {
        array.set(index, *value, 0)?;
    }
    Ok(array)
}

/// A program that continues with another one. It is timed with the floor after it, and with the measured
/// program after it.
pub(crate) struct Before {
    pub(crate) program: Program,
    /// The kernel empties the array with its last descriptor.
    _next: ProgramArray<MapData>,
}

impl Before {
    /// Draws the frame's IPv4 source from an array at random, and continues with `next`. The array's length
    /// is a power of two.
    pub(crate) fn drawing(sources: &[[u8; 4]], next: &Program, frags: bool) -> Result<Self> {
        let after = aya_obj::Map::new_from_params(BPF_MAP_TYPE_PROG_ARRAY as u32, 4, 4, 1, 0);
        let after = MapData::create(after, "next", None)?;
        let (code, _sources) = draw(sources)?;
        let code = code.read(Width::Four, 7, 0, 0).packet(2, 6, IPV4_END);
        let code = code
            .write(Width::Four, 2, SOURCE, 7)
            .copy(1, 6)
            .map(2, &after)
            .set(3, 0)
            .call(BPF_FUNC_tail_call);
        let program = xdp("draw", &code.end(XDP_PASS, XDP_PASS), frags)?;
        let mut after = ProgramArray::try_from(Map::ProgramArray(after))?;
        after.set(0, next.fd()?, 0)?;
        Ok(Self { program, _next: after })
    }
}

/// A segment's source and the checksums that belong to it: source, checksum of the IP header, checksum of the
/// segment.
pub(crate) type Drawn = [u8; 8];

/// Sets the frame's source to a random one of `drawn`, whose length is a power of two, and sends the frame
/// back.
pub(crate) fn generator(drawn: &[Drawn]) -> Result<Xdp> {
    let (code, _drawn) = draw(drawn)?;
    let code = code
        .packet(2, 6, TCP_END)
        .read(Width::Four, 7, 0, 0)
        .write(Width::Four, 2, SOURCE, 7)
        .read(Width::Two, 7, 0, 4)
        .write(Width::Two, 2, CHECKSUM, 7)
        .read(Width::Two, 7, 0, 6)
        .write(Width::Two, 2, TCP_CHECKSUM, 7);
    bpf::xdp("generator", &code.end(XDP_TX, XDP_PASS), false)
}

/// `r0` = pointer to a random one of these values; `r6` = the context. The program needs the array until it
/// is loaded.
fn draw<V: Pod>(values: &[V]) -> Result<(Code, Array<MapData, V>)> {
    ensure!(values.len().is_power_of_two(), "{} values are no power of two", values.len());
    let array = array(values)?;
    let mask = u32::try_from(values.len() - 1)?;
    let code = Code::default().copy(6, 1).call(BPF_FUNC_get_prandom_u32).mask(0, mask).copy(1, 0);
    Ok((code.look_up(array.map()).if_zero(0, PASS), array))
}
