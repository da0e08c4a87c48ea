//! Samples for `--watch-azure`: the sources of unlisted segments that open a connection, and no others.

use std::{
    net::{IpAddr, Ipv4Addr},
    thread,
};

use d365_common::names::SAMPLE_RING;
use d365_tests::{
    frame::{Frame, Packet, Tcp},
    require,
};
use d365_user::kernel::{Options, Samples};

use crate::{
    judged::{Class, Judged, options, ranges, syn},
    kernel::KernelExt as _,
    steps::addresses,
};

/// Size of a record in the ring: an address, behind the kernel's header of eight bytes.
const RECORD: u32 = 16 + 8;
const STRANGERS: [&str; 4] = ["198.51.100.7", "2001:db9::7", "255.255.255.255", "::1"];

fn watching() -> (Judged, Samples) {
    let options = Options { watch: true, ..options() };
    let mut judged = Judged::by(ranges(&["192.0.2.0/24", "2001:db8::/32"]), &options);
    let samples = judged.kernel.samples().unwrap();
    (judged, samples)
}

fn drained(samples: &mut Samples) -> Vec<IpAddr> {
    samples.drain().collect()
}

#[test]
fn strangers_that_open_a_connection_are_sampled_in_their_order_and_nobody_else() {
    require!(Root);
    let (mut judged, mut samples) = watching();
    assert!(drained(&mut samples).is_empty(), "a proof is not traffic");
    addresses(&["192.0.2.7", "2001:db8::7"]).into_iter().for_each(|it| judged.looks_up("listed", it));
    for source in addresses(&STRANGERS) {
        let host = if source.is_ipv4() { "192.0.2.25" } else { "2001:db8::25" };
        let to_host = |tcp| Frame::new(Packet::between(source, host.parse().unwrap(), tcp)).bytes();
        judged.judge("established", &to_host(Tcp::new(40_000, 25)));
        judged.judge("SYN with ACK", &to_host(Tcp::new(40_000, 25).flags(Tcp::SYN | Tcp::ACK)));
        judged.judge("another port", &to_host(Tcp::new(40_000, 26).syn()));
    }
    assert!(drained(&mut samples).is_empty());
    for source in addresses(&STRANGERS) {
        let class = judged.judge("stranger", &syn(source, 25)).1;
        assert_eq!(class, Class::Unlisted { opens: true }, "{source}: sampled, and counted as ever");
    }
    assert_eq!(samples.drain().next(), Some(STRANGERS[0].parse().unwrap()));
    // A sample that is not taken stays. The reader can run on another thread than the kernel's owner.
    let (samples, sources) = thread::spawn(move || {
        let sources = drained(&mut samples);
        (samples, sources)
    })
    .join()
    .unwrap();
    assert_eq!(sources, addresses(&STRANGERS[1..]));
    assert_eq!(samples.lost().unwrap(), 0);
    assert!(judged.kernel.samples().is_err(), "taken once");
}

/// A full ring loses samples, but no packet. Each sample is read or counted as lost, and reading frees the
/// ring.
#[test]
fn a_flood_fills_the_ring_and_the_rest_is_counted_as_lost() {
    require!(Root);
    let (mut judged, mut samples) = watching();
    let flood = 2 * SAMPLE_RING / RECORD;
    for round in [1, 2] {
        let lost_before = samples.lost().unwrap();
        for n in 0..flood {
            let source = Ipv4Addr::from(0x0b00_0000 + n);
            assert_eq!(judged.kernel.test_run(&syn(source.into(), 25)).unwrap(), 2, "passed");
        }
        let lost = u32::try_from(samples.lost().unwrap() - lost_before).unwrap();
        let sources = drained(&mut samples);
        let kept = u32::try_from(sources.len()).unwrap();
        assert_eq!(kept + lost, flood, "round {round}");
        assert!(kept >= SAMPLE_RING / RECORD - 1, "only {kept} fit");
        let oldest = (0..kept).map(|n| IpAddr::from(Ipv4Addr::from(0x0b00_0000 + n)));
        assert!(sources.into_iter().eq(oldest), "the oldest are kept");
        let unlisted = judged.read()[0].unlisted;
        assert_eq!(unlisted.packets, u64::from(round * flood), "every packet was counted");
        assert_eq!(unlisted.connections, unlisted.packets);
    }
}

#[test]
fn without_watching_nothing_is_sampled() {
    require!(Root);
    let mut judged = Judged::by(ranges(&["192.0.2.0/24"]), &options());
    let mut samples = judged.kernel.samples().unwrap();
    judged.looks_up("stranger", STRANGERS[0].parse().unwrap());
    assert!(drained(&mut samples).is_empty());
    assert_eq!(samples.lost().unwrap(), 0);
}
