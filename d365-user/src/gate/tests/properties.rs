//! Property tests of the gate, with random walks of offers, ticks, approvals and restarts.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Offer(Vec<Range>, Option<u64>),
    Tick,
    Approve(bool),
}

/// A range from a small space, so that the same one is likely to occur again; some are broad, some
/// documented.
fn any_range() -> impl Strategy<Value = Range> {
    let prefix = prop_oneof![
        8 => (0..12u8).prop_map(|n| format!("20.0.{n}.0/24")),
        1 => (0..3u8).prop_map(|n| format!("20.{n}.0.0/16")),
        1 => (0..3u8).prop_map(|n| format!("2{n}.0.0.0/8")),
        1 => (0..3u8).prop_map(|n| format!("2603:{n}::/{}", 31 + n)),
    ];
    let label = prop::sample::select(vec!["NAM", "NAM", "NAM!", "EUR", "EUR West", "NAM! West"]);
    (prefix, label).prop_map(|(prefix, label)| {
        let mut range = range(&format!("{prefix} {label}"));
        range.prefix = range.prefix.trunc();
        range
    })
}

fn any_step() -> impl Strategy<Value = (Step, i64)> {
    let number = prop_oneof![6 => Just(Some(3)), 1 => prop::option::of(0..6u64)];
    let list = prop::collection::vec(any_range(), 0..16);
    let step = prop_oneof![
        8 => (list, number).prop_map(|(list, number)| Step::Offer(list, number)),
        2 => Just(Step::Tick),
        1 => any::<bool>().prop_map(Step::Approve),
    ];
    let hours = prop_oneof![6 => 0..8i64, 2 => 20..80i64, 1 => -50..0i64];
    (step, hours.prop_map(|hours| hours * 3600))
}

/// Walks in which each list is likely to occur several times in a row.
fn any_walk() -> impl Strategy<Value = Vec<(Step, i64)>> {
    prop::collection::vec((any_step(), 1..8usize), 1..16).prop_map(|runs| {
        runs.into_iter().flat_map(|(step, times)| std::iter::repeat_n(step, times)).collect()
    })
}

fn any_policy() -> impl Strategy<Value = GatePolicy> {
    (2..8usize).prop_map(|most_new| GatePolicy { most_new, ..GatePolicy::default() })
}

/// The offers of the walk so far.
#[derive(Default)]
struct Shown {
    ever: BTreeSet<IpNet>,
    /// For each prefix, the time since which every offer has lacked it.
    lacking: BTreeMap<IpNet, u64>,
    times: BTreeMap<IpNet, usize>,
    elapsed: u64,
}

impl Shown {
    fn offer(&mut self, list: &[Range], accepted: &BTreeSet<IpNet>) {
        let listed: BTreeSet<IpNet> = list.iter().map(|range| range.prefix).collect();
        for prefix in &listed {
            *self.times.entry(*prefix).or_default() += 1;
            self.lacking.remove(prefix);
        }
        for prefix in accepted.difference(&listed) {
            self.lacking.entry(*prefix).or_insert(self.elapsed);
        }
        self.ever.extend(listed);
    }
}

fn set(gate: &Gate) -> BTreeSet<IpNet> {
    gate.accepted().map(|range| range.prefix).collect()
}

fn walk(steps: Vec<(Step, i64)>, policy: GatePolicy, trust: Trust) -> Result<(), TestCaseError> {
    let baseline = numbered(8);
    let mut gate = Gate::with_baseline(policy, baseline.clone(), Some(3));
    let mut shown = Shown { ever: baseline.iter().map(|range| range.prefix).collect(), ..Shown::default() };
    let mut clock = START;
    for (step, seconds) in steps {
        clock = clock.saturating_add_signed(seconds);
        shown.elapsed += u64::try_from(seconds).unwrap_or(0);
        let (before, now) = (set(&gate), Timestamp(clock));
        let was_retired: BTreeSet<IpNet> = gate.retired(now).map(|(range, _)| range.prefix).collect();
        let mut approved = false;
        let decisions = match step {
            Step::Offer(list, change_number) => {
                if !list.is_empty() {
                    shown.offer(&list, &before);
                }
                gate.offer(Offer { ranges: list, change_number, trust }, now)
            }
            Step::Tick => gate.tick(now),
            Step::Approve(right) => {
                let digest = gate.pending_digest().filter(|_| right).unwrap_or_default();
                let approval = gate.approve(&digest, None, now);
                approved = approval.is_ok();
                approval.unwrap_or_default()
            }
        };
        let after = set(&gate);
        prop_assert!(!after.is_empty(), "an accepted list became empty");
        prop_assert!(after.is_subset(&shown.ever), "a range that was never offered");
        for prefix in after.difference(&before) {
            let twice = shown.times[prefix] >= 2 && !GatePolicy::is_broad(prefix);
            let passes = approved || was_retired.contains(prefix) || trust == Trust::Local || twice;
            prop_assert!(passes, "{prefix} came in by one offer");
        }
        for prefix in before.difference(&after) {
            let lacking = shown.lacking.get(prefix).map(|since| shown.elapsed - since);
            prop_assert!(
                approved || lacking >= Some(policy.hold.as_secs()),
                "{prefix} went after {lacking:?}"
            );
            prop_assert!(gate.retired(now).any(|(range, _)| range.prefix == *prefix), "not retired");
        }
        if before != after {
            prop_assert!(decisions.iter().any(Decision::is_published));
        }
        let json = serde_json::to_string(&gate.stored()).unwrap();
        let restored = Gate::restore(policy, serde_json::from_str(&json).unwrap());
        prop_assert_eq!(restored.as_ref(), Ok(&gate));
        prop_assert_eq!(
            gate.pending_digest().is_some(),
            gate.pending().len() > 0 || gate.step_back().is_some()
        );
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_walk_of_downloads(steps in any_walk(), policy in any_policy()) {
        walk(steps, policy, Trust::Download)?;
    }

    #[test]
    fn a_walk_of_local_lists(steps in any_walk(), policy in any_policy()) {
        walk(steps, policy, Trust::Local)?;
    }

    /// An invented state is either rejected or a gate that works.
    #[test]
    fn any_state_that_is_read_works(
        accepted in prop::collection::vec(any_range(), 0..6),
        waiting in prop::collection::vec((any_range(), any::<bool>()), 0..6),
        list in prop::collection::vec(any_range(), 0..16),
        clock in any::<u64>(),
    ) {
        let text = |range: &Range| {
            let Geo { code, source } = range.geo;
            format!(r#"{{"prefix":"{}","geo":"{code}","geo_source":"{source}","region":null}}"#, range.prefix)
        };
        let accepted: Vec<_> = accepted.iter().map(text).collect();
        let waiting: Vec<_> = waiting.iter().map(|(range, add)| {
            let action = if *add {
                format!(r#"{{"add":{}}}"#, text(range))
            } else {
                format!(r#"{{"remove":"{}"}}"#, range.prefix)
            };
            format!(r#"{{"action":{action},"change":"flood","wait":"hold","seen":{clock},"again":true}}"#)
        }).collect();
        let state = format!(
            r#"{{"accepted":[{}],"retired":[],"waiting":[{}],"number":{clock},"higher_number":null,
            "lower_number":[null,{clock}],"mark":[{clock},"local"],"confirmed":null}}"#,
            accepted.join(","), waiting.join(","));
        if let Ok(mut gate) = Gate::restore(GatePolicy::default(), serde_json::from_str(&state).unwrap()) {
            let was_empty = gate.accepted().len() == 0;
            gate.tick(Timestamp(u64::MAX));
            gate.offer(download(list, 1), Timestamp(u64::MAX));
            let digest = gate.pending_digest().unwrap_or_default();
            let _ = gate.approve(&digest, None, Timestamp(clock));
            prop_assert!(was_empty || gate.accepted().len() > 0);
        }
    }
}
