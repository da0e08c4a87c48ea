//! Reads the ranges that an attached program holds, without asking its daemon.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
};

use d365_common::entry::Entry;
use d365_tests::{lab::Lab, require};
use d365_user::{
    generation::Compiled,
    kernel::{InspectError, Kernel, KernelRanges, inspect},
    settings::ModePolicy,
};
use ipnet::IpNet;

use crate::{
    judged::{attach, options},
    steps::SetOnDrop,
};

/// A generation whose prefixes get the slots from `first` on, in order. The number of a prefix's geo equals
/// its slot.
fn generation(first: u8, prefixes: &[&str]) -> Compiled {
    let entry =
        |(slot, prefix): (u8, &&str)| (prefix.parse().unwrap(), Entry::new(slot.into(), slot).unwrap());
    Compiled { entries: (first..).zip(prefixes).map(entry).collect() }
}

/// Loads and attaches the program, and publishes this generation.
fn attached(lab: &Lab, generation: &Compiled) -> Kernel {
    let (mut kernel, _) = attach(lab, ModePolicy::Auto, options());
    kernel.publish(generation).unwrap();
    kernel
}

/// The entries of `prefixes` that the lab's only program holds, and the number of its other entries.
fn held(lab: &Lab, prefixes: &[IpNet]) -> Result<(BTreeMap<IpNet, Entry>, usize), InspectError> {
    let KernelRanges { attached, .. } = lab.host.run(|| inspect(prefixes))?;
    let [held] = &attached[..] else { panic!("{attached:?}") };
    assert_eq!(held.interfaces, [lab.iface()]);
    Ok((held.entries.iter().copied().collect(), held.others))
}

fn prefixes(generations: &[&Compiled]) -> Vec<IpNet> {
    generations.iter().flat_map(|generation| &generation.entries).map(|(prefix, _)| *prefix).collect()
}

/// The test asks for prefixes of every length around the held ones: supernets, subnets and their ends.
#[test]
fn only_the_very_prefix_is_held_and_all_others_are_counted() {
    require!(Root, Tool("ip"));
    let there = ["11.0.0.0/8", "11.0.0.0/9", "11.2.3.0/24", "11.2.3.4/32", "2a00::/19", "2a00::/128"];
    let mut generation = generation(1, &there);
    let (_, retired) = &mut generation.entries[2];
    *retired = retired.retire();
    let lab = Lab::new().unwrap();
    let mut kernel = attached(&lab, &generation);
    let expected: BTreeMap<_, _> = generation.entries.iter().copied().collect();
    let mut asked = Vec::new();
    for prefix in expected.keys() {
        let lengths = 0..=prefix.max_prefix_len();
        asked.extend(lengths.map(|length| IpNet::new(prefix.addr(), length).unwrap().trunc()));
        let end = IpNet::new(prefix.broadcast(), prefix.max_prefix_len()).unwrap();
        asked.extend([end, end.supernet().unwrap().trunc()]);
    }
    assert_eq!(held(&lab, &asked).unwrap(), (expected, 0));
    // Entries that are not asked for are counted.
    for (there, others) in [
        (&["11.0.0.0/24", "11.0.1.0/24", "2a00::/32"][..], 3),
        (&["11.0.0.0/24"], 1),
        (&["2a00::/32"], 1),
        (&["11.9.0.0/24"], 0),
        (&[], 0),
    ] {
        kernel.publish(&self::generation(1, there)).unwrap();
        let (entries, counted) = held(&lab, &["11.9.0.0/24".parse().unwrap()]).unwrap();
        assert_eq!(counted, others, "{there:?}");
        assert_eq!(entries.len() + counted, there.len());
    }
}

/// A tc program that counts holds the list as an XDP program does.
#[test]
fn the_list_of_a_tc_program_is_read() {
    require!(Root, Tool("ip"));
    let lab = Lab::new().unwrap();
    let generation = generation(1, &["11.0.0.0/24", "2a00::/32"]);
    let (mut kernel, _) = attach(&lab, ModePolicy::Tc, options());
    kernel.publish(&generation).unwrap();
    let expected = (generation.entries.iter().copied().collect(), 0);
    assert_eq!(held(&lab, &prefixes(&[&generation])).unwrap(), expected);
    lab.host.run(|| drop(kernel));
}

#[test]
fn a_generation_is_read_whole_while_it_is_replaced() {
    require!(Root, Tool("ip"));
    let one = generation(1, &["11.0.0.0/24", "11.0.1.0/24", "2a00::/32"]);
    let other = generation(9, &["11.0.2.0/24", "2a00:1::/32", "2a00:2::/32"]);
    let asked = prefixes(&[&one, &other]);
    let whole =
        [&one, &other].map(|generation| generation.entries.iter().copied().collect::<BTreeMap<_, _>>());
    let lab = Lab::new().unwrap();
    let mut kernel = attached(&lab, &one);
    let (stop, published) = (AtomicBool::new(false), AtomicU32::new(0));
    let mut seen = [0, 0];
    thread::scope(|scope| {
        let _stops = SetOnDrop(&stop);
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for generation in [&other, &one] {
                    kernel.publish(generation).unwrap();
                    published.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        while published.load(Ordering::Relaxed) < 100 {
            let (entries, others) = match held(&lab, &asked) {
                Err(InspectError::Unsettled { .. }) => continue,
                held => held.unwrap(),
            };
            assert_eq!(others, 0);
            let at = whole.iter().position(|whole| *whole == entries);
            seen[at.unwrap_or_else(|| panic!("half of two: {entries:?}"))] += 1;
        }
    });
    assert!(seen.iter().all(|seen| *seen > 0), "{seen:?} in {published:?} generations");
}
