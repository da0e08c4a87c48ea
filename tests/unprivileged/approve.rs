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
    state::{Found, StateDir},
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

/// Waits for the request, applies it to `gates`, and answers it.
fn serve(directory: &StateDir, gates: &mut Gates) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Found::Whole(request) = approval::take(directory).unwrap() {
            let outcomes = request.approvals.iter().map(|approval| approval.carry_out(gates, now()).1);
            let answer = approval::Answer { id: request.id.clone(), outcomes: outcomes.collect() };
            return approval::answer(directory, &answer).unwrap();
        }
        assert!(Instant::now() < deadline, "no request came");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn where_nothing_waits_there_is_nothing_to_do() {
    require!(Daemon);
    let (state, directory) = state(&Gates::from([(SOURCE.to_owned(), Gate::new(GatePolicy::default()))]));
    let done = approve(&state, &[]);
    assert_eq!(done.code, Some(0));
    assert!(done.stdout.starts_with("Nothing waits"), "{}", done.stdout);
    directory.remove(gates::FILE).unwrap();
    assert_eq!(approve(&state, &["--yes"]).code, Some(0));
    assert!(!state.file(approval::REQUEST).exists());
}

#[test]
fn without_a_terminal_it_shows_and_does_not_approve() {
    require!(Daemon);
    let (state, _directory) = state(&waiting());
    let done = approve(&state, &[]);
    assert_eq!(done.code, Some(1));
    let shown = ["azure:public: 1 change waiting", "addition", "20.0.1.0/24", "add, ZZZ", "in 1 h,", "--yes"];
    for part in shown {
        assert!(done.stdout.contains(part), "{part} is missing in:\n{}", done.stdout);
    }
    assert!(!done.stdout.contains("file:/quiet"), "{}", done.stdout);
    assert!(!state.file(approval::REQUEST).exists());
}

#[test]
fn the_next_start_finds_the_approval() {
    require!(Daemon);
    let mut gates = waiting();
    let (state, directory) = state(&gates);
    drop(directory);
    let done = approve(&state, &["--yes"]);
    assert_eq!(done.code, Some(0));
    assert!(done.stdout.contains("its next start approves 1 change"), "{}", done.stdout);
    let first = fs::read(state.file(approval::REQUEST)).unwrap();
    let again = approve(&state, &["--yes", "--reject"]);
    assert_eq!(again.code, Some(1));
    assert!(again.stdout.contains("Nothing is done: an earlier approval is in "), "{}", again.stdout);
    assert_eq!(fs::read(state.file(approval::REQUEST)).unwrap(), first, "it is kept");
    let directory = d365_user::state_files::open(state.path()).unwrap();
    serve(&directory, &mut gates);
    assert_eq!((gates[SOURCE].accepted().len(), gates[SOURCE].pending().len()), (2, 0));
}

#[test]
fn a_running_daemon_answers() {
    require!(Daemon);
    let mut gates = waiting();
    let (state, directory) = state(&gates);
    let done = thread::scope(|scope| {
        let asking = scope.spawn(|| approve(&state, &["--yes"]));
        serve(&directory, &mut gates);
        asking.join().unwrap()
    });
    assert_eq!(done.code, Some(0), "{}", done.stdout);
    let said = done.stdout.lines().rev().take(2).collect::<Vec<_>>();
    assert_eq!(said[0], "azure:public: approved");
    assert!(said[1].starts_with("Handed to the daemon"), "{}", done.stdout);
    assert_eq!(gates[SOURCE].accepted().len(), 2);
}

#[test]
fn what_has_changed_since_it_was_shown_is_not_approved() {
    require!(Daemon);
    let mut gates = waiting();
    let (state, directory) = state(&gates);
    gates.get_mut(SOURCE).unwrap().offer(offer(&["20.0.0.0/24", "20.9.0.0/24"]), now());
    let done = thread::scope(|scope| {
        let asking = scope.spawn(|| approve(&state, &["--yes"]));
        serve(&directory, &mut gates);
        asking.join().unwrap()
    });
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
        let done = task::run(&["approve", "--state-dir", directory, "--yes"]).unwrap();
        assert_eq!((done.code, done.stdout.as_str()), (Some(11), ""), "{done:?}");
        assert_eq!(done.stderr.lines().count(), 1, "{}", done.stderr);
        assert!(done.stderr.contains(reason), "{}", done.stderr);
    }
    assert_eq!(fs::read(state.file(gates::FILE)).unwrap(), b"no gates", "it is left where it is");
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

/// `approve` shows the hold that is stored with the gate, not the default of the flag.
#[test]
fn the_times_are_the_daemons_own() {
    require!(Daemon);
    let policy = GatePolicy { hold: Duration::from_secs(60), ..GatePolicy::default() };
    let mut gate = Gate::new(policy);
    let twenty: Vec<String> = (0..20).map(|n| format!("20.0.{n}.0/24")).collect();
    let twenty: Vec<&str> = twenty.iter().map(String::as_str).collect();
    gate.offer(offer(&twenty), now());
    gate.offer(offer(&twenty[1..]), now());
    let (state, _directory) = state(&Gates::from([(SOURCE.to_owned(), gate)]));
    let shown = approve(&state, &[]).stdout;
    assert!(shown.contains("in 1 min, if still offered"), "{shown}");
}

/// A gate in which two additions and one removal wait.
fn three_waiting() -> Gates {
    let first: Vec<String> = (0..20).map(|n| format!("20.0.{n}.0/24")).collect();
    let mut then: Vec<&str> = first.iter().skip(1).map(String::as_str).collect();
    then.extend(["21.0.0.0/24", "21.0.1.0/24"]);
    let mut gate = Gate::new(GatePolicy::default());
    gate.offer(offer(&first.iter().map(String::as_str).collect::<Vec<_>>()), now());
    gate.offer(offer(&then), now());
    Gates::from([(SOURCE.to_owned(), gate)])
}

#[test]
fn prefixes_are_approved_or_rejected_alone() {
    require!(Daemon);
    let mut gates = three_waiting();
    let (state, directory) = state(&gates);
    let mut served = |flags: &[&str], says: &str, code: i32| {
        let done = thread::scope(|scope| {
            let asking = scope.spawn(|| approve(&state, flags));
            serve(&directory, &mut gates);
            asking.join().unwrap()
        });
        assert_eq!(done.code, Some(code), "{}", done.stdout);
        assert_eq!(done.stdout.lines().last(), Some(says));
        gates::save(&directory, &gates).unwrap();
        (gates[SOURCE].accepted().len(), gates[SOURCE].waits())
    };
    assert_eq!(served(&["--yes", "21.0.0.0/24"], "azure:public: approved", 0), (21, true));
    assert_eq!(served(&["--yes", "--reject", "21.0.1.0/24"], "azure:public: rejected", 0), (21, true));
    assert_eq!(served(&["--yes"], "azure:public: approved", 0), (20, false));
    let done = approve(&state, &["--yes"]);
    assert_eq!(done.code, Some(0));
    assert!(done.stdout.contains("0 changes waiting, 1 rejected"), "{}", done.stdout);
    assert!(done.stdout.contains("Nothing waits for approval"), "{}", done.stdout);
    let mut served = |flags: &[&str]| {
        let done = thread::scope(|scope| {
            let asking = scope.spawn(|| approve(&state, flags));
            serve(&directory, &mut gates);
            asking.join().unwrap()
        });
        assert_eq!(done.code, Some(0), "{}", done.stdout);
    };
    served(&["--yes", "21.0.1.0/24"]);
    assert_eq!(gates[SOURCE].accepted().len(), 21);
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
    let mut gates = three_waiting();
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
    assert_eq!((gates[SOURCE].waits(), gates["url:other"].waits()), (false, true));
}

#[test]
fn a_lower_change_number_cannot_be_rejected() {
    require!(Daemon);
    let mut gate = Gate::new(GatePolicy::default());
    gate.offer(Offer { change_number: Some(4), ..offer(&["20.0.0.0/24"]) }, now());
    gate.offer(Offer { change_number: Some(3), ..offer(&["20.0.0.0/24"]) }, now());
    let (state, _directory) = state(&Gates::from([(SOURCE.to_owned(), gate)]));
    let done = approve(&state, &["--yes", "--reject"]);
    assert_eq!(done.code, Some(1));
    assert!(done.stdout.contains("a lower change number, which cannot be rejected"), "{}", done.stdout);
}
