//! Compares the gate with a plain model of it. The steps are offers, time that passes or goes back, approvals
//! of changes that were looked at before, and restarts with the stored state. After any step, gate and model
//! must agree, the rules in [`shown`] hold, and the decisions of an offer name each change that began to wait
//! or was withdrawn.

use std::time::Duration;

use proptest::{prelude::*, sample::select, test_runner::Config};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use super::*;
use listed::{Id, Label, List, POOL, any_list, like};
use model::{Looked, Model, Wish};
use shown::{Before, Shown, check_waiting, waiting};

mod listed;
mod model;
mod shown;

/// The position of a prefix in the model's pool.
fn id(prefix: IpNet) -> Id {
    POOL.iter().position(|text| text.parse() == Ok(prefix)).unwrap()
}

fn range_of(id: Id, Label(geo, source, region): Label) -> Range {
    let geo = Geo { code: GeoCode::new(geo).unwrap(), source };
    Range { prefix: POOL[id].parse().unwrap(), geo, region: region.map(str::to_owned) }
}

fn ranges_of(list: &List) -> Vec<Range> {
    list.iter().map(|(id, label)| range_of(*id, *label)).collect()
}

#[derive(Clone, Debug)]
struct Read {
    list: List,
    number: Option<u64>,
    trust: Trust,
}

#[derive(Clone, Debug)]
enum Step {
    Offer(Read),
    Tick,
    /// The operator looks at the waiting changes.
    Look,
    /// The operator approves or rejects all or some of the changes that he looked at last.
    Decide(Wish),
    /// The source gives no list.
    Fail,
    /// The state is stored and restored.
    Restart,
    Adopt(List),
}

/// The expected results of the last step.
#[derive(Clone, Debug, Default)]
struct Expected {
    refused: Option<Refusal>,
    is_approved: bool,
    adopted: usize,
    /// True if the recognised ranges have changed.
    is_changed: bool,
}

/// The model and its surroundings.
#[derive(Clone, Debug)]
struct World {
    policy: GatePolicy,
    limit: usize,
    trust: Trust,
    baseline: List,
    number: Option<u64>,
    model: Model,
    now: u64,
    read: Option<Read>,
    /// The changes that the operator looked at last.
    looked: Option<Looked>,
    expected: Expected,
}

impl ReferenceStateMachine for World {
    type State = Self;
    type Transition = (i64, Step);

    fn init_state() -> BoxedStrategy<Self> {
        let list = prop_oneof![Just(List::new()), any_list()];
        let trust = select(vec![Trust::Local, Trust::Download, Trust::Download]);
        let hours = |hours: [u64; 3]| select(hours.map(Duration::from_hours).to_vec());
        let policy = (2..8usize, select(vec![0, 10, 40]), hours([0, 1, 1]), hours([0, 72, 72]));
        let policy = policy.prop_map(|(most_new, most_shrink_percent, confirm_after, hold)| GatePolicy {
            most_new,
            most_shrink_percent,
            confirm_after,
            hold,
            ..GatePolicy::default()
        });
        let room = prop_oneof![1 => 0..6usize, 2 => Just(POOL.len())];
        let world =
            (list, room, any_number(), trust, policy).prop_map(|(baseline, room, number, trust, policy)| {
                let limit = (baseline.len() + room).max(1);
                let model = Model::new(policy, limit, baseline.clone(), number);
                let expected = Expected::default();
                Self {
                    policy,
                    limit,
                    trust,
                    baseline,
                    number,
                    model,
                    now: START,
                    read: None,
                    looked: None,
                    expected,
                }
            });
        world.boxed()
    }

    fn transitions(world: &Self) -> BoxedStrategy<Self::Transition> {
        let list = prop_oneof![
            6 => like(world.model.accepted.clone()),
            2 => like(world.read.as_ref().map(|read| read.list.clone()).unwrap_or_default()),
            1 => any_list(),
        ];
        let trust = prop::bool::weighted(0.05);
        let usual = world.trust;
        let anew = (list, any_number(), trust).prop_map(move |(list, number, is_other)| {
            let trust = match (usual, is_other) {
                (Trust::Local, false) | (Trust::Download, true) => Trust::Local,
                _ => Trust::Download,
            };
            Read { list, number, trust }
        });
        let again = world.read.clone().map_or_else(|| anew.clone().boxed(), |read| Just(read).boxed());
        // A file counts as offered while time passes. The list of a download is unknown until the next one.
        let ticks = if world.trust == Trust::Local { 16 } else { 2 };
        let step = prop_oneof![
            12 => again.prop_map(Step::Offer),
            4 => anew.prop_map(Step::Offer),
            ticks => Just(Step::Tick),
            3 => Just(Step::Look),
            3 => any_wish().prop_map(Step::Decide),
            1 => Just(Step::Fail),
            2 => Just(Step::Restart),
            1 => any_list().prop_map(Step::Adopt),
        ];
        let hours = prop_oneof![6 => 0..8i64, 3 => 20..80i64, 1 => -50..0i64];
        let longest = i64::try_from(GatePolicy::default().longest_gap.as_secs()).unwrap();
        let seconds = prop_oneof![
            16 => hours.prop_map(|hours| hours * 3600),
            1 => select(vec![longest, longest + 1, 3599, 3601]),
        ];
        (seconds, step).boxed()
    }

    fn apply(mut world: Self, (seconds, step): &Self::Transition) -> Self {
        world.now = world.now.saturating_add_signed(*seconds);
        let (model, now) = (&mut world.model, world.now);
        let recognised = |model: &Model| {
            let retired: Vec<_> = model.retired.iter().map(|(id, (label, _))| (*id, *label)).collect();
            (model.accepted.clone(), retired)
        };
        let before = recognised(model);
        world.expected = Expected::default();
        match step {
            Step::Offer(read) => {
                world.expected.refused = model.offer(&read.list, read.number, read.trust, now);
                world.read = Some(read.clone());
            }
            Step::Tick => model.tick(now),
            Step::Look => world.looked = model.looked(),
            Step::Decide(wish) => {
                world.expected.is_approved = model.decide(*wish, world.looked.as_ref(), now);
            }
            Step::Fail | Step::Restart => model.interrupt(),
            Step::Adopt(list) => world.expected.adopted = model.adopt(list),
        }
        world.expected.is_changed = recognised(model) != before;
        world
    }
}

fn any_wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        3 => Just(Wish::ApproveAll),
        2 => (0..POOL.len()).prop_map(Wish::ApproveOne),
        1 => Just(Wish::RejectAll),
        2 => (0..POOL.len()).prop_map(Wish::RejectOne),
    ]
}

/// Gives the gate the whole room, as if there were no other list.
fn give_room(gate: &mut Gate, limit: usize) {
    let held: BTreeMap<IpNet, usize> = gate.accepted().map(|range| (range.prefix, 1)).collect();
    gate.set_room(Room::new(limit - held.len(), std::sync::Arc::new(held)));
}

fn any_number() -> impl Strategy<Value = Option<u64>> + Clone {
    prop_oneof![8 => Just(Some(3)), 2 => prop::option::of(0..6u64)]
}

/// A gate, the digest of the changes that were looked at last, and the steps so far.
struct Machine {
    gate: Gate,
    digest: Option<String>,
    shown: Shown,
}

impl StateMachineTest for Machine {
    type SystemUnderTest = Self;
    type Reference = World;

    fn init_test(world: &World) -> Self {
        let gate = Gate::with_baseline(world.policy, ranges_of(&world.baseline), world.number);
        Self { gate, digest: None, shown: Shown::default() }
    }

    fn apply(mut self_: Self, world: &World, (_, step): (i64, Step)) -> Self {
        let Self { gate, digest: seen, shown } = &mut self_;
        let (now, expected) = (Timestamp(world.now), &world.expected);
        give_room(gate, world.limit);
        shown.pass(world.now);
        let before = Before::of(gate, now);
        let decisions = match step {
            Step::Offer(Read { list, number, trust }) => {
                let offer = Offer { ranges: ranges_of(&list), change_number: number, trust };
                shown.offer(&offer, &before);
                let waited = waiting(gate);
                let decisions = gate.offer(offer, now);
                if !list.is_empty() {
                    check_waiting(&waited, gate, &decisions);
                }
                decisions
            }
            Step::Tick => gate.tick(now),
            Step::Look => {
                *seen = gate.pending_digest();
                Vec::new()
            }
            Step::Decide(wish) => {
                let digest = seen.as_deref().unwrap_or_default();
                let one = |id: Id| [POOL[id].parse().unwrap()];
                let pending: Vec<IpNet> = gate.pending().map(|pending| pending.prefix).collect();
                let done = match wish {
                    Wish::ApproveAll => gate.approve(digest, None, now),
                    Wish::ApproveOne(id) => gate.approve(digest, Some(&one(id)), now),
                    Wish::RejectAll => gate.reject(digest, None),
                    Wish::RejectOne(id) => gate.reject(digest, Some(&one(id))),
                };
                assert_eq!(done.is_ok(), expected.is_approved);
                match wish {
                    Wish::ApproveAll if expected.is_approved => shown.free(pending),
                    Wish::ApproveOne(id) if expected.is_approved => shown.free(one(id).to_vec()),
                    _ => {}
                }
                done.unwrap_or_default()
            }
            Step::Fail => {
                gate.interrupt();
                return self_;
            }
            Step::Restart => {
                let text = serde_json::to_string(&gate.stored()).unwrap();
                let restored = Gate::restore(world.policy, serde_json::from_str(&text).unwrap()).unwrap();
                assert_eq!(restored, *gate);
                *gate = restored;
                Vec::new()
            }
            Step::Adopt(list) => {
                shown.free(ranges_of(&list).iter().map(|range| range.prefix).collect());
                assert_eq!(gate.adopt(ranges_of(&list)), expected.adopted);
                return self_;
            }
        };
        let refused = decisions.iter().find_map(|decision| match decision {
            Decision::Refused(refusal) => Some(*refusal),
            _ => None,
        });
        assert_eq!(refused, expected.refused);
        assert_eq!(decisions.iter().any(Decision::is_published), expected.is_changed, "{decisions:?}");
        shown.check(&before, gate, &decisions, expected.is_approved);
        self_
    }

    fn check_invariants(Self { gate, .. }: &Self, World { model, now, .. }: &World) {
        let is_range = |range: &Range, id: &Id, label: &Label| *range == range_of(*id, *label);
        assert!(gate.accepted().len() == model.accepted.len(), "{gate:?}");
        let accepted: BTreeMap<_, _> = gate.accepted().map(|range| (id(range.prefix), range)).collect();
        assert!(accepted.iter().all(|(id, range)| is_range(range, id, &model.accepted[id])), "{gate:?}");
        let retired: BTreeMap<_, _> = gate
            .retired(Timestamp(*now))
            .map(|(range, until)| (id(range.prefix), (range.clone(), until.0)))
            .collect();
        let expected = model.retired.iter().filter(|(_, (_, until))| until > now);
        let expected = expected.map(|(id, (label, until))| (*id, (range_of(*id, *label), *until)));
        assert_eq!(retired, expected.collect());
        let waiting = gate.pending().map(|pending| {
            let left = pending.left.map(|left| left.as_secs());
            (id(pending.prefix), (pending.action.clone(), pending.change, pending.wait, left))
        });
        let expected = model.waiting().into_iter().map(|(id, (action, change, wait, left))| {
            let action = match action {
                listed::Action::Add(label) => Action::Add(range_of(id, label)),
                listed::Action::Remove => Action::Remove(POOL[id].parse().unwrap()),
                listed::Action::Relabel(label) => Action::Relabel(range_of(id, label)),
            };
            (id, (action, change, wait, left))
        });
        assert_eq!(waiting.collect::<BTreeMap<_, _>>(), expected.collect());
        assert_eq!(gate.step_back(), model.step_back().map(|(from, to)| StepBack { from, to }));
        assert_eq!(gate.change_number(), model.number);
        assert_eq!(gate.confirmed(), model.confirmed.map(Timestamp));
    }
}

prop_state_machine! {
    #![proptest_config(Config { cases: 1024, ..Config::default() })]
    #[test]
    fn the_gate_is_its_model(sequential 1..40 => Machine);
}

#[test]
fn each_reason_to_wait_is_at_its_place_and_has_the_word_that_is_stored() {
    for (at, (change, word)) in Change::ALL.into_iter().enumerate() {
        assert_eq!((change as usize, serde_json::to_value(change).unwrap()), (at, word.into()));
    }
}
