//! Three judges classify each frame: the kernel program, the parser compiled for the host, and the oracle.
//! They must agree, and the counters must equal the sums of the oracle's results.

mod judges;
pub(crate) mod sums;

use std::io::{self, Write as _};

use d365_common::names;
use d365_tests::{corpus, generate, oracle::report, patience, require};
use d365_user::kernel::{Kernel, OBJECT, Options};

use self::judges::Judges;
use crate::{
    judged::{Judged, options, ranges},
    kernel::KernelExt as _,
};

/// Nested and neighbouring ranges, at the ends of both families' address space and around the corpus's
/// sources.
pub(crate) const LIST: [&str; 18] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "10.255.255.255/32",
    "13.71.171.0/24",
    "40.78.242.0/25",
    "192.0.2.0/24",
    "192.0.2.128/25",
    "192.0.2.200/32",
    "198.51.100.0/24",
    "255.255.255.255/32",
    "::/128",
    "2001:db8::/32",
    "2001:db8::1/128",
    "2001:db8:0:9::/64",
    "2001:db8:8000::/33",
    "2603:1030::/40",
    "fe80::/19",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
];
pub(crate) const PORTS: [u16; 2] = [25, 2525];

/// The test reads the counters after this number of frames.
const BATCH: usize = 1000;
/// With this number of frames, every range is met.
const ENOUGH: u64 = 10_000;
/// With this number of frames, some have headers behind the first buffer: one in 14,000 has.
const ENOUGH_LONG: u64 = 200_000;

/// Runs the corpus and `frames` generated frames through all judges.
fn check(programs: &[&'static str], trie_only: bool, frames: u64, seed: u64) {
    let options = Options { ports: PORTS.to_vec(), trie_only, ..options() };
    let (kernel, counters) = Kernel::load_one_of(programs, OBJECT, &options).unwrap();
    let mut judges = Judges::of(Judged::of(kernel, counters, ranges(&LIST)));
    let list: Vec<_> = LIST.iter().map(|prefix| prefix.parse().unwrap()).collect();
    let by = if trie_only { "tries" } else { "table" };
    agree(&mut judges, &format!("found-{by}"), corpus::all().into_iter().map(|case| case.frame));
    judges.uses().all_used();
    has_long_frames(&mut judges, true);
    let generated = generate::mixed(seed, &list, &PORTS).take(usize::try_from(frames).unwrap());
    agree(&mut judges, &format!("found-{by}-{seed}"), generated);
    judges.uses().all_used_by(frames);
    has_long_frames(&mut judges, frames >= ENOUGH_LONG);
    assert!(judges.unmet().is_empty() || frames < ENOUGH, "nothing came from {:?}", judges.unmet());
}

/// Prints the numbers of frames in several buffers, past libtest's capture. Panics if a frame with headers
/// behind the first buffer must be among them and is not.
fn has_long_frames(judges: &mut Judges, must: bool) {
    let long = judges.long_frames();
    let _ = writeln!(io::stderr(), "{long:?}");
    assert!(long.behind_first_buffer + long.too_long > 0 || !must, "no header behind the first buffer");
}

/// Asserts that all judges agree on each of these frames, and on the sums.
fn agree(judges: &mut Judges, name: &str, frames: impl Iterator<Item = Vec<u8>>) {
    let mut frames = frames.peekable();
    let mut number = 0;
    while frames.peek().is_some() {
        let batch: Vec<Vec<u8>> = frames.by_ref().take(BATCH).collect();
        let odd = batch.iter().position(|frame| !judges.take(frame));
        let odd = odd.or_else(|| judges.first_miscounted(&batch));
        if let Some(position) = odd {
            let name = format!("{name}-{}", number + position);
            panic!("{}", report(&name, &batch[position], |frame| judges.disagreement(frame)));
        }
        number += batch.len();
    }
}

/// Checks the corpus, and as many generated frames as `D365_FRAMES` asks for.
#[test]
fn kernel_host_and_oracle_agree() {
    require!(Root);
    let (frames, seed) = generate::asked(patience::fewer(200_000), 1);
    check(&names::PROGRAMS, false, frames, seed);
}

#[test]
fn the_program_for_older_kernels_agrees_and_so_do_the_tries_alone() {
    require!(Root);
    let (frames, seed) = generate::asked(patience::fewer(200_000), 10);
    check(&names::PROGRAMS[1..], true, frames, seed);
}
