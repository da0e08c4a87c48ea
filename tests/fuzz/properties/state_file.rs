//! The files of the state directory: a damaged file is rejected, and an accepted file is equal when it is
//! written and read again.
//!
//! A fuzzer does not find a SHA-256 digest by chance. So each input is used as a whole file, and as the body
//! of a file with the right digest, for each file's own reader. The daemon may have written such a body, or
//! anybody who can write in the directory.

use d365_user::{
    gate::{
        Action, Gate, GatePolicy, Offer, Pending, Timestamp, Trust, Wait, approval,
        gates::{self, Gates},
    },
    ranges::Range,
    source::{
        documents,
        download::{Document, Stamp},
    },
    state::{Kind, add_checksum, verify_checksum},
};

/// The kind of the gates' file; any other kind works as well.
const KIND: Kind = Kind { name: "gate", oldest: 1, version: 1, limit: u64::MAX };

pub(crate) fn check(bytes: &[u8]) {
    a_whole_file(bytes);
    a_body(bytes);
    gates_of(bytes);
    approval_of(bytes);
    document_of(bytes);
}

/// Asserts that an accepted file ends with its body, and that sealing this body gives an accepted file again.
/// The two files may differ in the spelling of the first line.
fn a_whole_file(file: &[u8]) {
    if let Ok(body) = verify_checksum(KIND, file) {
        assert!(file.ends_with(body) && file.len() > body.len());
        assert_eq!(verify_checksum(KIND, &add_checksum(KIND, body)), Ok(body));
    }
}

fn a_body(body: &[u8]) {
    let mut file = add_checksum(KIND, body);
    assert_eq!(verify_checksum(KIND, &file), Ok(body));
    assert!(verify_checksum(Kind { name: "counters", ..KIND }, &file).is_err());
    assert!(verify_checksum(Kind { oldest: 2, version: 2, ..KIND }, &file).is_err());
    assert!(verify_checksum(KIND, &file[..file.len() - 1]).is_err(), "cut off");
    file.push(b'\n');
    assert!(verify_checksum(KIND, &file).is_err(), "longer");
}

fn gates_of(body: &[u8]) {
    let policy = GatePolicy::default();
    let gates = match gates::gates(body, policy) {
        Ok(gates) => gates,
        Err(damage) => {
            let _ = damage.to_string();
            return;
        }
    };
    let written = gates::body(&gates).expect("gates can be written");
    assert_eq!(gates::gates(&written, policy).as_ref(), Ok(&gates));
    for gate in gates.values() {
        for now in [0, 1, 1_800_000_000, u64::MAX] {
            a_gate_goes_on(gate, Timestamp(now));
        }
    }
    an_approval_is_of_what_waits(gates);
}

/// Asserts that an accepted list never becomes empty, whatever the file contains and at any time.
fn a_gate_goes_on(gate: &Gate, now: Timestamp) {
    let accepted: Vec<Range> = gate.accepted().cloned().collect();
    let digest = gate.pending_digest();
    assert_eq!(digest.is_some(), gate.pending().len() > 0 || gate.step_back().is_some());
    assert!(gate.retired(now).all(|(range, until)| until > now && !accepted.contains(range)));

    let offer =
        Offer { ranges: accepted.clone(), change_number: gate.change_number(), trust: Trust::Download };
    let steps: [&dyn Fn(&mut Gate); 4] = [
        &|gate| drop(gate.tick(now)),
        &|gate| drop(gate.offer(offer.clone(), now)),
        &|gate| drop(gate.offer(Offer { ranges: Vec::new(), ..offer.clone() }, now)),
        &|gate| {
            let done = gate.approve(digest.as_deref().unwrap_or_default(), None, now);
            assert_eq!(done.is_ok(), digest.is_some());
            let is_left = |pending: Pending<'_>| {
                pending.wait == Wait::Rejected || matches!(pending.action, Action::Remove(_))
            };
            assert!(gate.pending().all(is_left) && gate.step_back().is_none(), "removals that leave nothing");
        },
    ];
    for step in steps {
        let mut gate = gate.clone();
        step(&mut gate);
        assert!(accepted.is_empty() || gate.accepted().len() > 0, "nothing is left");
        assert_eq!(Gate::restore(*gate.policy(), gate.stored()).as_ref(), Ok(&gate));
    }
}

fn an_approval_is_of_what_waits(mut gates: Gates) {
    let waiting: Vec<String> =
        gates.iter().filter(|(_, gate)| gate.waits()).map(|(name, _)| name.clone()).collect();
    for name in waiting {
        let approval = approval::Approval::of(&name, &gates[&name]).expect("something waits");
        let (_, outcome) = approval.carry_out(&mut gates, Timestamp(2));
        let is_left = gates[&name].waits();
        let expected = if is_left { approval::Verdict::Partly } else { approval::Verdict::Approved };
        assert_eq!(outcome.verdict, expected);
    }
}

fn approval_of(body: &[u8]) {
    if let Ok(request) = approval::parse::<approval::Request>(body) {
        let written = serde_json::to_vec(&request).expect("a request can be written");
        assert_eq!(approval::parse(&written), Ok(request.clone()));
        for approval in &request.approvals {
            let (decisions, outcome) = approval.carry_out(&mut Gates::new(), Timestamp(0));
            assert!(decisions.is_empty() && outcome.verdict == approval::Verdict::UnknownSource);
        }
    }
    if let Ok(answer) = approval::parse::<approval::Answer>(body) {
        let written = serde_json::to_vec(&answer).expect("an answer can be written");
        assert_eq!(approval::parse(&written), Ok(answer));
    }
}

fn document_of(body: &[u8]) {
    let Ok(document) = documents::decode(body) else { return };
    assert!(document.stamp.url.as_str().starts_with("https://") && body.ends_with(&document.bytes));
    let written = documents::encode(&document).expect("a document can be written");
    let again = documents::decode(&written).expect("it was written");
    // A query may contain a token, so it is not written.
    assert!(!again.stamp.url.has_query());
    let all = |document: &Document| {
        let Document { stamp: Stamp { url, date, validators }, bytes } = document.clone();
        (url.to_string(), date, validators, bytes)
    };
    assert_eq!(all(&again), all(&document));
}
