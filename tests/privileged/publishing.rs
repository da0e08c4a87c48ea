//! Publication: a generation is built completely, verified in the standby buffer, and made active by one
//! store.

use d365_common::{classification::Class as KernelClass, packet_action::PacketAction};
use d365_tests::require;
use d365_user::kernel::{InterfaceCounts, Options, VerifyError};

use crate::{
    judged::{Class, Judged, compiled, options, ranges, syn},
    mail::embedded,
};

#[test]
fn a_proof_moves_no_counter() {
    require!(Root);
    let set = embedded();
    let judged = Judged::by(set.ranges().to_vec(), &options());
    let [row] = &judged.read()[..] else { panic!("one interface") };
    let nothing = InterfaceCounts {
        ranges: vec![Default::default(); 39],
        unlisted: Default::default(),
        other: KernelClass::OTHERS.map(|class| (class, 0)).to_vec(),
        actions: PacketAction::ALL.map(|action| (action, 0)).to_vec(),
    };
    assert_eq!(*row, nothing);
}

/// The staged list is another than the one for which it is verified. Verification finds every kind of
/// difference, and the active list stays.
#[test]
fn a_wrong_trie_is_never_published() {
    require!(Root);
    let right = ["192.0.2.0/24", "192.0.2.128/25", "198.51.100.0/24", "2001:db8::/32"];
    let wrong: [(&str, Vec<&str>); 6] = [
        ("one missing", right[..3].to_vec()),
        ("one too many", [&right[..], &["203.0.113.0/24", "198.51.101.0/32"]].concat()),
        ("one longer", vec!["192.0.2.0/24", "192.0.2.128/26", "198.51.100.0/24", "2001:db8::/32"]),
        ("one shorter", vec!["192.0.2.0/24", "192.0.2.128/25", "198.51.100.0/23", "2001:db8::/32"]),
        ("two swapped", vec!["192.0.2.0/24", "192.0.2.128/25", "2001:db8::/32", "198.51.100.0/24"]),
        ("nothing", vec![]),
    ];
    let mut judged = Judged::by(ranges(&["11.0.0.0/24"]), &options());
    for (name, list) in wrong {
        let staged = judged.kernel.stage(&compiled(&list)).unwrap();
        let Err(error) = judged.kernel.verify(staged, &compiled(&right)) else {
            panic!("{name} was verified")
        };
        assert!(matches!(error, VerifyError::Mismatch { .. }), "{name}: {error}");
        assert!(error.to_string().contains("should be"), "{error}");
        // The active list stays.
        [[11, 0, 0, 9], [192, 0, 2, 1]].into_iter().for_each(|it| judged.looks_up(name, it.into()));
    }
    judged.publish(ranges(&right));
    judged.looks_up("right", [192, 0, 2, 1].into());
}

/// Ten thousand ranges of both families, nested and neighbouring, in a full row of counters.
#[test]
fn a_long_list_is_proven_and_counted_to_its_last_slot() {
    require!(Root);
    let v4 =
        (0..8000u32).map(|n| format!("{}/{}", std::net::Ipv4Addr::from(0x0b00_0000 + n * 64), 26 + n % 7));
    let v6 = (0..2000u32).map(|n| format!("2a00:{n:x}::/{}", 32 + n % 97));
    let prefixes: Vec<String> = v4.chain(v6).collect();
    let prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
    let mut judged = Judged::by(ranges(&prefixes), &Options { capacity: 10_000, ..options() });
    for (source, slot) in [("11.0.0.0", 0), ("2a00:7cf::", 9999)] {
        let class = judged.judge(source, &syn(source.parse().unwrap(), 25));
        assert_eq!(class, (0, Class::Listed { slot, opens: true }), "{source}");
    }
}
