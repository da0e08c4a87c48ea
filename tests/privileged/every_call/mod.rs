//! Every `bpf` call of the daemon fails once, one at a time: while it starts, while it publishes a new list,
//! while it attaches to an interface that returns, while it takes over from a daemon that was killed, and
//! while it stops.
//!
//! For each call, the daemon must continue, or end with one line that names what failed and leave the
//! interface as it was. [`Extent`] selects the calls. On a machine that reports that it is n times slower,
//! one of n faults is tested.

mod place;
mod reattach;
mod start;
mod update;
mod words;

use std::{
    collections::BTreeMap,
    env,
    io::{self, Write as _},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use d365_tests::{daemon::Daemon, patience, seccomp::Faults};
use nix::errno::Errno;

use self::{
    place::Place,
    words::{Failed, ends_as_documented, names_what_failed},
};

const EXTENT: &str = "D365_FAULTS";
const ERRORS: [Errno; 3] = [Errno::ENOMEM, Errno::EPERM, Errno::EINVAL];
/// Number of calls that fail at each end of a loop, and the distance of those that fail in between.
const ENDS: usize = 6;
const BETWEEN: usize = 100;
/// Number of daemons at a time.
const WORKERS: usize = 2;
const PATIENCE: Duration = Duration::from_secs(60);

/// One call that fails.
#[derive(Clone, Copy, Debug)]
struct Fault {
    /// The number of the call, from 1.
    nth: usize,
    errno: Errno,
}

/// The calls that fail, and their errors (`D365_FAULTS`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// Both ends of each loop and some calls in between, with one error each, in turns.
    Usual,
    /// `each`: every call, with one error each, in turns.
    Each,
    /// `all`: every call, with every error.
    All,
    /// The number of a call: this call, with every error.
    One(usize),
}

impl Extent {
    fn asked() -> Self {
        match env::var(EXTENT).ok().as_deref() {
            None => Self::Usual,
            Some("each") => Self::Each,
            Some("all") => Self::All,
            Some(nth) => match nth.parse() {
                Ok(nth @ 1..) => Self::One(nth),
                _ => panic!("{EXTENT}={nth}: `each`, `all`, or the number of a call from 1 on"),
            },
        }
    }

    /// Returns the errors with which the nth call fails. `is_usual` is true for a call that fails by default.
    fn errors(self, nth: usize, is_usual: bool) -> &'static [Errno] {
        let in_turns = &ERRORS[nth % ERRORS.len()..][..1];
        match self {
            Self::Usual if is_usual => in_turns,
            Self::Each => in_turns,
            Self::All => &ERRORS,
            Self::One(one) if one == nth => &ERRORS,
            Self::Usual | Self::One(_) => &[],
        }
    }
}

/// Returns the faults to test, if these calls are made without a fault.
fn faults(calls: &[u32], ends: usize, between: usize) -> Vec<Fault> {
    assert!(!calls.is_empty(), "no call was seen");
    let extent = Extent::asked();
    let mut faults = Vec::new();
    let mut nth = 0;
    for run in calls.chunk_by(|one, next| one == next) {
        for at in 0..run.len() {
            nth += 1;
            let is_usual = at < ends || at + ends >= run.len() || at.is_multiple_of(between);
            faults.extend(extent.errors(nth, is_usual).iter().map(|errno| Fault { nth, errno: *errno }));
        }
    }
    // Most faults take a daemon's whole life. The step is odd, so that all errors and ways to stop, which
    // come in turns, are still tested.
    faults.into_iter().step_by(patience::slowness() as usize | 1).collect()
}

/// Tests all faults, several at a time. Each worker has its own place, and gets another place after a fault
/// with a wrong outcome. Reports all wrong outcomes, and returns the number of each outcome.
fn inflict<W>(
    faults: &[Fault],
    worker: impl Fn() -> W + Sync,
    inflict: impl Fn(&mut W, Fault) -> Result<&'static str> + Sync,
) -> BTreeMap<&'static str, usize> {
    let work = &|first: usize| {
        let mut place = worker();
        let inflict = |fault: &Fault| {
            let outcome = inflict(&mut place, *fault);
            if outcome.is_err() {
                place = worker();
            }
            (*fault, outcome)
        };
        faults.iter().skip(first).step_by(WORKERS).map(inflict).collect::<Vec<_>>()
    };
    let outcomes: Vec<_> = thread::scope(|scope| {
        let workers = (0..WORKERS).map(|first| scope.spawn(move || work(first)));
        let workers: Vec<_> = workers.collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    let mut counted = BTreeMap::<_, usize>::new();
    let mut wrong = Vec::new();
    for (fault, outcome) in outcomes {
        *counted.entry(*outcome.as_ref().unwrap_or(&"wrong")).or_default() += 1;
        wrong.extend(outcome.err().map(|error| format!("{fault:?}: {error:#}")));
    }
    // Written directly to standard error, which libtest does not capture. With the number of one call, some
    // of the tests may have no such call.
    let _ = writeln!(io::stderr(), "{} faults: {counted:?}", faults.len());
    assert!(wrong.is_empty(), "{} of {} faults:\n{}", wrong.len(), faults.len(), wrong.join("\n\n"));
    counted
}

/// Waits until `is_so` returns true. If that takes too long, the error contains the text of `otherwise`.
fn wait(mut is_so: impl FnMut() -> Result<bool>, otherwise: impl Fn() -> String) -> Result<()> {
    let deadline = patience::deadline(PATIENCE);
    while !is_so()? {
        ensure!(Instant::now() < deadline, "{}", otherwise());
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// Waits until this number of calls was made in total.
fn wait_for_calls(faults: &Faults, count: usize) -> Result<()> {
    let made = || faults.history().len();
    wait(|| Ok(made() >= count), || format!("{} calls, and not {count}", made()))
}

/// Stops a daemon, which must end with code 0.
fn stop(daemon: Daemon) -> Result<()> {
    let exit = daemon.stop()?;
    ensure!(exit.status.success(), "{}: {}", exit.status, exit.stderr);
    Ok(())
}

/// Returns the call that failed, if `made` calls were made before.
fn failed(faults: &Faults, made: usize, fault: Fault) -> Failed {
    Failed { command: faults.history()[made + fault.nth - 1], errno: fault.errno }
}
