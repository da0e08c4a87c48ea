//! The same frames through the XDP program and `d365_tag` of one object, and through the tc program of
//! another: the results, the packets, the marks and all counters are equal. The oracle checks the XDP
//! program.

use std::iter;

use d365_common::{mark::Mark, names};
use d365_tests::{
    corpus,
    generate::{self, LONGEST, SHORTEST},
    patience, require,
};
use d365_user::kernel::{Interface, Options};
use ipnet::IpNet;

use super::{FOREIGN, TC_NEXT, TC_SHOT, XDP_DROP, XDP_PASS, armed, ethertype, is_ip, tagging};
use crate::{
    judged::{Judged, options},
    kernel::{KernelExt as _, TcRun},
    oracle::{LIST, PORTS, sums::Sums},
};

/// An `EtherType` for experiments (IEEE 802): neither IPv4 nor IPv6, and no VLAN tag.
const NO_IP: [u8; 2] = [0x88, 0xb5];

/// The test compares counters after this number of frames.
const BATCH: usize = 50;

/// All combinations of options under which a program has different code.
fn every_option() -> [Options; 4] {
    let ports = || Options { ports: PORTS.to_vec(), ..options() };
    let all = |capacity| Options {
        watch: true,
        log_packets: true,
        drop_unlisted: true,
        ports: PORTS.to_vec(),
        capacity,
        ..tagging()
    };
    let absent = |index| Interface { name: format!("absent{index}"), index };
    [
        ports(),
        Options { ports: PORTS.to_vec(), ..tagging() },
        Options { drop_unlisted: true, ..ports() },
        // The test runs' interface is not among them: the last row counts it.
        Options { trie_only: true, interfaces: (7..).take(16).map(absent).collect(), ..all(1024) },
    ]
}

/// The shortest length of a frame in a test run. Socket buffers without a whole IP header are rejected with
/// EINVAL (seen on 6.18). `tc::l3` and `tc::beside` send such packets through devices.
fn shortest(frame: &[u8]) -> usize {
    match frame.get(12..SHORTEST) {
        Some([0x08, 0x00]) => SHORTEST + 20,
        Some([0x86, 0xdd]) => SHORTEST + 40,
        _ => SHORTEST,
    }
}

/// The corpus, and generated frames; each of a length that a test run accepts.
fn frames(list: &[IpNet]) -> impl Iterator<Item = Vec<u8>> {
    let (frames, seed) = generate::asked(patience::fewer(100_000), 10);
    let generated = generate::mixed(seed, list, &PORTS).take(usize::try_from(frames).unwrap());
    let frames = corpus::all().into_iter().map(|case| case.frame).chain(generated);
    frames.filter(|frame| (shortest(frame)..=LONGEST).contains(&frame.len()))
}

/// The result of the XDP program and then `d365_tag`.
fn both(judged: &mut Judged, frame: &[u8], mark: u32, is_marking: bool) -> TcRun {
    let (action, frame) = judged.kernel.rewrite(frame).unwrap();
    match action {
        XDP_DROP => TcRun { action: TC_SHOT, frame, mark },
        XDP_PASS if is_marking => judged.kernel.test_run_tc(names::PROGRAM_TAG, &frame, mark).unwrap(),
        XDP_PASS => TcRun { action: TC_NEXT, frame, mark },
        other => panic!("the XDP program returned {other}"),
    }
}

/// The sums of the row that counts test runs.
fn counted(judged: &mut Judged, options: &Options) -> Sums {
    let interfaces = u32::try_from(options.interfaces.len()).unwrap();
    let row = if interfaces > 1 { interfaces } else { 0 };
    Sums::read_row(judged.kernel.program_id().unwrap(), LIST.len(), row, options.capacity)
}

/// Runs all frames through both. The tc program counts `without` bytes less for each. `alike` makes of a
/// frame the one that the XDP program gets.
fn check(program: &'static str, without: u64, alike: impl Fn(&[u8]) -> Vec<u8>) {
    let list = LIST.map(|prefix| prefix.parse().unwrap());
    for (number, options) in every_option().into_iter().enumerate() {
        let (mut xdp, mut tc) = (armed(&LIST, &options), armed(&LIST, &options));
        let samples = |judged: &mut Judged| options.watch.then(|| judged.kernel.samples().unwrap());
        let mut samples = [samples(&mut xdp), samples(&mut tc)];
        let is_marking = options.tags.mark.is_some();
        let (mut marks, mut changed, mut shot, mut sampled) = (0, 0, 0, 0);
        let olds = [0, Mark::DEFAULT.on(FOREIGN, 77), FOREIGN].into_iter().cycle();
        let mut frames = frames(&list).zip(olds);
        let batches = iter::repeat_with(|| frames.by_ref().take(BATCH).collect::<Vec<_>>());
        for batch in batches.take_while(|batch| !batch.is_empty()) {
            for (frame, old) in &batch {
                let about = || format!("options {number}, mark {old:#x}: {frame:02x?}");
                let mut expected = both(&mut xdp, &alike(frame), *old, is_marking);
                expected.frame[12..14].copy_from_slice(&frame[12..14]);
                let run = tc.kernel.test_run_tc(program, frame, *old);
                let run = run.unwrap_or_else(|error| panic!("{error:?}: {}", about()));
                assert_eq!(run, expected, "{}", about());
                marks += u64::from(run.mark != *old);
                changed += u64::from(run.frame != *frame);
                shot += u64::from(run.action == TC_SHOT);
            }
            let about = || format!("options {number}, one of {batch:02x?}");
            let expected = counted(&mut xdp, &options).shorter(without);
            assert_eq!(counted(&mut tc, &options), expected, "{}", about());
            let [by_xdp, by_tc] = samples.each_mut().map(|samples| {
                samples.as_mut().map_or_else(Vec::new, |samples| samples.drain().collect::<Vec<_>>())
            });
            assert_eq!(by_tc, by_xdp, "{}", about());
            sampled += by_tc.len();
        }
        assert_eq!(marks > 0, is_marking, "options {number}: {marks} marks changed");
        assert_eq!(changed > 0, options.tags.dscp.is_some(), "options {number}: {changed} frames changed");
        assert_eq!(shot > 0, options.drop_unlisted, "options {number}: {shot} frames dropped");
        assert_eq!(sampled > 0, options.watch, "options {number}: {sampled} sources sampled");
    }
}

#[test]
fn the_tc_program_does_what_xdp_and_tag_do() {
    require!(Root);
    check(names::PROGRAM_TC, 0, <[u8]>::to_vec);
}

/// A test run's buffer starts at the Ethernet header, 14 bytes before the header that this program reads. The
/// protocol decides, and the program looks at no Ethernet header: a VLAN tag in one is no IP.
#[test]
fn the_program_without_an_ethernet_header_does_the_same_from_the_ip_header_on() {
    require!(Root);
    check(names::PROGRAM_TC_L3, 14, |frame| {
        let mut frame = frame.to_vec();
        if !is_ip(ethertype(&frame)) {
            frame[12..14].copy_from_slice(&NO_IP);
        }
        frame
    });
}
