//! Compares the parser, compiled for the host, with the oracle, on generated and mutated frames.

use d365_tests::{
    corpus, generate,
    oracle::{self, Opinion, Uses, report},
};

use crate::parser::judge_by;

const PORTS: [u16; 2] = [25, 2525];
const LIST: [&str; 2] = ["198.51.100.0/24", "2001:db8::/32"];

/// A text with both results for a frame, or `None` if they agree.
fn said(frame: &[u8], opinion: &Opinion) -> Option<String> {
    let host = judge_by(frame, &PORTS);
    let agree = host == opinion.is && opinion.is_explained();
    (!agree).then(|| format!("The host says {host:?}.\nThe oracle: {opinion:?}."))
}

/// Panics at the first frame on which the two disagree. Returns which rules made a difference.
fn agree(seed: u64, frames: impl Iterator<Item = Vec<u8>>) -> Uses {
    let mut uses = Uses::default();
    for (number, frame) in frames.enumerate() {
        let opinion = oracle::judge(&frame, &PORTS);
        if said(&frame, &opinion).is_some() {
            let said = |frame: &[u8]| said(frame, &oracle::judge(frame, &PORTS));
            panic!("{}", report(&format!("found-host-{seed}-{number}"), &frame, said));
        }
        uses.count(&opinion.rules);
    }
    uses
}

/// Checks the corpus, and as many generated frames as `D365_FRAMES` asks for.
#[test]
fn host_and_oracle_agree() {
    let (frames, seed) = generate::asked(200_000, 1);
    agree(seed, corpus::all().into_iter().map(|case| case.frame)).all_used();
    let list = LIST.map(|prefix| prefix.parse().unwrap());
    let generated = generate::mixed(seed, &list, &PORTS).take(usize::try_from(frames).unwrap());
    agree(seed, generated).all_used_by(frames);
}
