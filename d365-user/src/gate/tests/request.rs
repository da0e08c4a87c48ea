//! Tests the way of approvals to the daemon and of answers back.

use std::fs;

use super::{
    super::approval::{self, Answer, Approval, Request, Verdict},
    *,
};
use crate::state::{Scratch, StateError};

/// A request for all pending changes.
fn all_of(gates: &gates::Gates) -> Request {
    let approvals = gates.iter().filter_map(|(source, gate)| Approval::of(source, gate)).collect();
    Request::new(approvals, Timestamp(2000), 7)
}

#[test]
fn an_approval_goes_to_the_daemon_and_the_answer_back() {
    let scratch = Scratch::new();
    let directory = crate::state_files::open(&scratch.0).unwrap();
    let mut gates = some_gates();
    assert_eq!(approval::take(&directory).unwrap(), None);
    let mut request = all_of(&gates);
    assert_eq!((request.id.as_str(), request.approvals.len()), ("2000-7", 1), "one gate has nothing pending");
    let other = |source: &str| Approval {
        source: source.to_owned(),
        digest: "0".to_owned(),
        prefixes: None,
        reject: false,
    };
    request.approvals.extend(["azure:public", "file:/a \"b\"", "gone"].map(other));
    request.approvals.swap(0, 1);
    approval::submit(&scratch.0, &request).unwrap();
    assert_eq!(approval::take(&directory).unwrap(), Some(request.clone()));
    assert_eq!(approval::take(&directory).unwrap(), None, "taken once");
    let outcomes = request.approvals.iter().map(|approval| approval.carry_out(&mut gates, Timestamp(2001)).1);
    let answer = Answer { id: request.id.clone(), outcomes: outcomes.collect() };
    let verdicts: Vec<_> = answer.outcomes.iter().map(|outcome| outcome.verdict).collect();
    use Verdict::{Approved, NothingPending, Stale, UnknownSource};
    assert_eq!(verdicts, [Stale, Approved, NothingPending, UnknownSource]);
    assert_eq!(gates["azure:public"].accepted().len(), 2);
    approval::answer(&directory, &answer).unwrap();
    assert_eq!(approval::answer_to(&scratch.0, "other").unwrap(), None);
    assert_eq!(approval::answer_to(&scratch.0, "2000-7").unwrap(), Some(answer));
    assert!(all_of(&gates).approvals.is_empty());
}

#[test]
fn an_approval_may_be_of_some_prefixes_or_a_rejection() {
    let gates = some_gates();
    let all = Approval::of("azure:public", &gates["azure:public"]).unwrap();
    let plain = serde_json::to_string(&all).unwrap();
    assert!(
        !plain.contains("prefixes") && !plain.contains("reject"),
        "an earlier release's daemon reads it: {plain}"
    );
    let only = |prefix: &str| Some(vec![prefix.parse().unwrap()]);
    use Verdict::{Approved, NotPending, Rejected, Stale};
    for (approval, verdict, accepted, waits) in [
        (all.clone(), Approved, 2, false),
        (Approval { prefixes: only("2603:1000::/32"), ..all.clone() }, Approved, 2, false),
        (Approval { reject: true, ..all.clone() }, Rejected, 1, false),
        (Approval { prefixes: only("20.0.0.0/24"), ..all.clone() }, NotPending, 1, true),
        (Approval { prefixes: only("9.0.0.0/8"), reject: true, ..all.clone() }, NotPending, 1, true),
        (Approval { reject: true, digest: "0".to_owned(), ..all }, Stale, 1, true),
    ] {
        let text = serde_json::to_vec(&approval).unwrap();
        assert_eq!(approval::parse::<Approval>(&text), Ok(approval.clone()));
        let mut gates = gates.clone();
        let (_, outcome) = approval.carry_out(&mut gates, Timestamp(2001));
        assert_eq!(outcome.verdict, verdict, "{approval:?}");
        let gate = &gates["azure:public"];
        assert_eq!((gate.accepted().len(), gate.waits()), (accepted, waits), "{approval:?}");
    }
}

#[test]
fn what_has_no_room_is_approved_in_part() {
    let mut gates = some_gates();
    let approval = Approval::of("azure:public", &gates["azure:public"]).unwrap();
    gates.get_mut("azure:public").unwrap().set_room(crate::gate::Room::none());
    assert_eq!(approval.carry_out(&mut gates, Timestamp(2001)).1.verdict, Verdict::Partly);
}

/// Uses the source name as `approve` of an earlier release wrote it.
#[test]
fn an_approval_by_a_name_with_a_token_is_of_todays_source() {
    let mut gates = some_gates();
    let gate = gates.remove("azure:public").unwrap();
    gates.insert("url:https://a/x".to_owned(), gate);
    let mut approval = all_of(&gates).approvals.remove(0);
    approval.source = "url:https://a/x?sig=s3cret".to_owned();
    let (_, outcome) = approval.carry_out(&mut gates, Timestamp(2001));
    assert_eq!((outcome.source.as_str(), outcome.verdict), ("url:https://a/x", Verdict::Approved));
}

#[test]
fn a_request_that_is_damaged_is_set_aside_and_not_tried_again() {
    let scratch = Scratch::new();
    let directory = crate::state_files::open(&scratch.0).unwrap();
    fs::write(scratch.0.join(approval::REQUEST), "{}").unwrap();
    assert!(matches!(approval::take(&directory), Err(StateError::Damaged { set_aside: Some(_), .. })));
    assert_eq!(approval::take(&directory).unwrap(), None);
    directory.remove("approval.json.corrupt").unwrap();
    directory.remove("approval.json.corrupt").unwrap();
    assert!(scratch.names().is_empty());
}
