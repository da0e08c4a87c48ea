//! `d365-user approve` as an operator uses it. Where a daemon has to answer, the test acts as the daemon: it
//! locks the state directory, takes the request, applies it to the gates, and writes the answer.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::process::ExitStatusExt as _,
    process::Stdio,
    thread,
    time::{Duration, Instant, SystemTime},
};

use d365_tests::{
    require,
    task::{self, Done},
    temp::TempDir,
};
use d365_user::{
    gate::{
        Gate, GatePolicy, Offer, Timestamp, Trust, approval,
        gates::{self, Gates},
    },
    geo::Geo,
    ranges::Range,
    state::StateDir,
};
use nix::{
    pty::openpty,
    sys::signal::{Signal, kill},
    unistd::Pid,
};

const SOURCE: &str = "azure:public";

fn now() -> Timestamp {
    SystemTime::now().into()
}

fn offer(prefixes: &[&str]) -> Offer {
    let range = |prefix: &&str| Range { prefix: prefix.parse().unwrap(), geo: Geo::UNKNOWN, region: None };
    Offer { ranges: prefixes.iter().map(range).collect(), change_number: None, trust: Trust::Download }
}

/// Gates of two sources: one addition waits in the first, nothing in the second.
fn waiting() -> Gates {
    let mut gate = Gate::new(GatePolicy::default());
    gate.offer(offer(&["20.0.0.0/24"]), now());
    gate.offer(offer(&["20.0.0.0/24", "20.0.1.0/24"]), now());
    Gates::from([(SOURCE.to_owned(), gate), ("file:/quiet".to_owned(), Gate::new(GatePolicy::default()))])
}

/// Creates a state directory with these gates. The returned `StateDir` holds the directory's lock, as a
/// daemon does.
fn state(gates: &Gates) -> (TempDir, StateDir) {
    let state = TempDir::new("approve");
    let directory = d365_user::state_files::open(state.path()).unwrap();
    gates::save(&directory, gates).unwrap();
    (state, directory)
}

fn approve(state: &TempDir, flags: &[&str]) -> Done {
    let done = task::run(&[&["approve", "--state-dir", state.path().to_str().unwrap()], flags].concat());
    let done = done.unwrap();
    assert_eq!(done.stderr, "");
    done
}

/// Runs `approve --yes` with these flags while a daemon with these gates answers.
fn answered(state: &TempDir, directory: &StateDir, gates: &mut Gates, flags: &[&str]) -> Done {
    thread::scope(|scope| {
        let asking = scope.spawn(|| approve(state, &[&["--yes"], flags].concat()));
        serve(directory, gates);
        asking.join().unwrap()
    })
}

/// Waits for the request, applies it to `gates`, and answers it.
fn serve(directory: &StateDir, gates: &mut Gates) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(request) = approval::take(directory).unwrap() {
            let outcomes = request.approvals.iter().map(|approval| approval.carry_out(gates, now()).1);
            let answer = approval::Answer { id: request.id.clone(), outcomes: outcomes.collect() };
            return approval::answer(directory, &answer).unwrap();
        }
        assert!(Instant::now() < deadline, "no request came");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn without_a_terminal_it_shows_and_does_not_approve() {
    require!(Daemon);
    let nothing = Gates::from([(SOURCE.to_owned(), Gate::new(GatePolicy::default()))]);
    // `approve` shows the hold that is stored with the gate, not the default of the flag.
    let minute = GatePolicy { hold: Duration::from_secs(60), ..GatePolicy::default() };
    let mut lower = Gate::new(GatePolicy::default());
    for number in [4, 3] {
        lower.offer(Offer { change_number: Some(number), ..offer(&["20.0.0.0/24"]) }, now());
    }
    let lower = Gates::from([(SOURCE.to_owned(), lower)]);
    let one = ["azure:public: 1 change waiting", "addition", "20.0.1.0/24", "add, ZZZ", "in 1 h,", "--yes"];
    for (gates, flags, code, shown) in [
        (nothing, &[][..], 0, &["Nothing waits"][..]),
        (waiting(), &[], 1, &one),
        (removal_and(&[], minute), &[], 1, &["in 1 min, if still offered"]),
        (lower, &["--yes", "--reject"], 1, &["a lower change number, which cannot be rejected"]),
    ] {
        let (state, directory) = state(&gates);
        let done = approve(&state, flags);
        assert_eq!(done.code, Some(code), "{}", done.stdout);
        for part in shown {
            assert!(done.stdout.contains(part), "{part} is missing in:\n{}", done.stdout);
        }
        assert!(!done.stdout.contains("file:/quiet"), "{}", done.stdout);
        directory.remove(gates::FILE).unwrap();
        assert_eq!(approve(&state, &["--yes"]).code, Some(0), "without gates");
        assert!(!state.file(approval::REQUEST).exists());
    }
}

#[test]
fn what_has_changed_since_it_was_shown_is_not_approved() {
    require!(Daemon);
    let mut gates = waiting();
    let (state, directory) = state(&gates);
    gates.get_mut(SOURCE).unwrap().offer(offer(&["20.0.0.0/24", "20.9.0.0/24"]), now());
    let done = answered(&state, &directory, &mut gates, &[]);
    assert_eq!(done.code, Some(1), "{}", done.stdout);
    assert!(done.stdout.contains("azure:public: not approved: other changes wait"), "{}", done.stdout);
    assert_eq!(gates[SOURCE].accepted().len(), 1);
}

#[test]
fn a_daemon_that_does_not_answer_is_not_waited_for_for_ever() {
    require!(Daemon);
    let (state, _directory) = state(&waiting());
    let started = Instant::now();
    let done = approve(&state, &["--yes"]);
    assert_eq!(done.code, Some(1));
    assert!(done.stdout.contains("has not answered within 15 s"), "{}", done.stdout);
    assert!((15..25).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    assert!(state.file(approval::REQUEST).exists(), "the daemon will find it");
}

/// `approve` prints that ending it takes nothing back. That text is true: the daemon still carries out the
/// request.
#[test]
fn whoever_ends_the_waiting_has_heard_that_nothing_is_taken_back() {
    require!(Daemon);
    let mut gates = waiting();
    let (state, directory) = state(&gates);
    let arguments = ["approve", "--yes", "--state-dir", state.path().to_str().unwrap()];
    let mut child = task::command(&arguments).unwrap().stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let said = lines.find(|line| line.starts_with("Handed to the daemon"));
    assert!(said.unwrap().ends_with("takes nothing back."));
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(Signal::SIGTERM as i32));
    serve(&directory, &mut gates);
    assert_eq!(gates[SOURCE].accepted().len(), 2);
}

/// A damaged file stays in its place.
#[test]
fn a_directory_that_cannot_be_used_is_one_line() {
    require!(Daemon);
    let state = TempDir::new("approve");
    fs::write(state.file(gates::FILE), "no gates").unwrap();
    for (directory, reason) in [
        (state.path().to_str().unwrap(), "gate.json is damaged"),
        ("/nonexistent", "cannot use the state directory /nonexistent"),
        ("/dev/null", "cannot use the state directory /dev/null"),
    ] {
        for task in [&["approve", "--yes"][..], &["drift"]] {
            let done = task::run(&[task, &["--state-dir", directory]].concat()).unwrap();
            assert_eq!((done.code, done.stdout.as_str()), (Some(11), ""), "{done:?}");
            assert_eq!(done.stderr.lines().count(), 1, "{}", done.stderr);
            assert!(done.stderr.contains(reason), "{}", done.stderr);
        }
    }
    assert_eq!(fs::read(state.file(gates::FILE)).unwrap(), b"no gates");
}

/// A start would use the copy.
#[test]
fn the_copy_of_damaged_gates_is_named() {
    require!(Daemon);
    let (state, _directory) = self::state(&waiting());
    fs::write(state.file(gates::FILE), "no gates").unwrap();
    let path = state.path().to_str().unwrap();
    for (task, words) in [
        (&["approve", "--state-dir", path][..], "uses gate-copy.json in its place"),
        (&["drift", "--state-dir", path], "uses gate-copy.json in its place"),
        (&["doctor", "--state-dir", path], "a start uses gate-copy.json in its place"),
    ] {
        let done = task::run(task).unwrap();
        assert!(format!("{}{}", done.stdout, done.stderr).contains(words), "{done:?}");
    }
    fs::write(state.file(gates::COPY), "no copy").unwrap();
    let done = task::run(&["approve", "--state-dir", path]).unwrap();
    assert!(done.stderr.contains("runs without it"), "{done:?}");
}

#[test]
fn on_a_terminal_it_asks() {
    require!(Daemon);
    for (typed, code, said) in [
        ("y\n", 0, "its next start approves"),
        ("YES\n", 0, "its next start approves"),
        ("n\n", 1, "Nothing is approved"),
        ("\n", 1, "Nothing is approved"),
        ("\x04", 1, "Nothing is approved"),
    ] {
        let (state, directory) = state(&waiting());
        drop(directory);
        let terminal = openpty(None, None).unwrap();
        let mut command = task::command(&["approve", "--state-dir", state.path().to_str().unwrap()]).unwrap();
        let mut child = command.stdin(terminal.slave).stdout(Stdio::piped()).spawn().unwrap();
        fs::File::from(terminal.master.try_clone().unwrap()).write_all(typed.as_bytes()).unwrap();
        let mut shown = String::new();
        child.stdout.take().unwrap().read_to_string(&mut shown).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{typed:?}: {shown}");
        assert!(
            shown.contains("Approve this 1 change? [y/N] ") && shown.contains(said),
            "{typed:?}: {shown}"
        );
        assert_eq!(state.file(approval::REQUEST).exists(), code == 0, "{typed:?}");
    }
}

/// Gates of one source, in which a removal and these additions wait.
fn removal_and(additions: &[&str], policy: GatePolicy) -> Gates {
    let twenty: Vec<String> = (0..20).map(|n| format!("20.0.{n}.0/24")).collect();
    let twenty: Vec<&str> = twenty.iter().map(String::as_str).collect();
    let mut gate = Gate::new(policy);
    gate.offer(offer(&twenty), now());
    gate.offer(offer(&[&twenty[1..], additions].concat()), now());
    Gates::from([(SOURCE.to_owned(), gate)])
}

#[test]
fn prefixes_are_approved_or_rejected_alone() {
    require!(Daemon);
    let mut gates = removal_and(&["21.0.0.0/24", "21.0.1.0/24"], GatePolicy::default());
    let (state, directory) = state(&gates);
    for (flags, verdict, accepted, waits) in [
        (&["21.0.0.0/24"][..], "approved", 21, true),
        (&["--reject", "21.0.1.0/24"], "rejected", 21, true),
        (&[], "approved", 20, false),
    ] {
        let done = answered(&state, &directory, &mut gates, flags);
        assert_eq!(done.code, Some(0), "{flags:?}: {}", done.stdout);
        assert!(done.stdout.ends_with(&format!("azure:public: {verdict}\n")), "{flags:?}: {}", done.stdout);
        assert_eq!((gates[SOURCE].accepted().len(), gates[SOURCE].waits()), (accepted, waits), "{flags:?}");
        gates::save(&directory, &gates).unwrap();
    }
    let done = approve(&state, &["--yes"]);
    assert_eq!(done.code, Some(0));
    assert!(done.stdout.contains("0 changes waiting, 1 rejected"), "{}", done.stdout);
    assert!(done.stdout.contains("Nothing waits for approval"), "{}", done.stdout);
    let done = answered(&state, &directory, &mut gates, &["21.0.1.0/24"]);
    assert_eq!((done.code, gates[SOURCE].accepted().len()), (Some(0), 21), "{}", done.stdout);
    for flags in [&["--yes", "9.0.0.0/8"][..], &["--yes", "--reject", "21.0.0.0/24"]] {
        let done = approve(&state, flags);
        assert_eq!(done.code, Some(1));
        assert!(done.stdout.contains("Nothing is done: no change of "), "{}", done.stdout);
    }
    assert!(!state.file(approval::REQUEST).exists());
}

#[test]
fn only_what_is_expected_is_approved() {
    require!(Daemon);
    let mut gates = removal_and(&["21.0.0.0/24", "21.0.1.0/24"], GatePolicy::default());
    gates.insert("url:other".to_owned(), waiting().remove(SOURCE).unwrap());
    let (state, directory) = state(&gates);
    drop(directory);
    let shown = approve(&state, &[]).stdout;
    let digest = gates[SOURCE].pending_digest().unwrap();
    assert!(shown.contains(&format!("azure:public: 3 changes waiting\ndigest {digest}\n")), "{shown}");
    let wrong = digest.replace(|digit: char| digit.is_ascii_digit(), "0");
    let done = approve(&state, &["--expect", &wrong]);
    assert_eq!(done.code, Some(1));
    assert!(done.stdout.contains("Nothing is done: nothing with the digest"), "{}", done.stdout);
    assert!(!state.file(approval::REQUEST).exists());
    let done = approve(&state, &["--expect", &digest]);
    assert_eq!(done.code, Some(0), "{}", done.stdout);
    assert!(done.stdout.contains("its next start approves 3 changes"), "{}", done.stdout);
    let directory = d365_user::state_files::open(state.path()).unwrap();
    serve(&directory, &mut gates);
    let [accepted, other] = [SOURCE, "url:other"].map(|source| gates[source].accepted().len());
    assert_eq!((accepted, gates[SOURCE].waits()), (21, false));
    assert_eq!((other, gates["url:other"].waits()), (1, true));
}
