//! Faults during a start: the daemon runs and does its work, or ends and leaves nothing.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use d365_tests::{
    daemon::Daemon,
    patience, require,
    seccomp::{Faults, command},
};

use super::{
    BETWEEN, ENDS, Fault, PATIENCE, Place, ends_as_documented, failed, faults, inflict, place::Counts,
    wait_for_calls,
};

/// Returns the calls of a start without a fault, up to the summary in the log.
pub(super) fn calls_of_a_start(place: &Place) -> Vec<u32> {
    let faults = Faults::new();
    let daemon = Daemon::start(&place.lab.host, &place.options("mark").faults_by(&faults)).unwrap();
    wait_until_announced(&daemon).unwrap();
    let calls = faults.history();
    assert_eq!(daemon.stop().unwrap().status.code(), Some(0));
    calls
}

/// Waits for the last step of a start: the summary, or the message that the counters cannot be read.
pub(super) fn wait_until_announced(daemon: &Daemon) -> Result<()> {
    let deadline = patience::deadline(PATIENCE);
    let is_announced =
        |log: &str| log.contains("metrics url=http") || log.contains("the counters cannot be read error=");
    while !is_announced(&daemon.log()) {
        ensure!(Instant::now() < deadline, "nothing is announced: {}", daemon.log());
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// Checks that the daemon counts, tags and drops.
pub(super) fn works(place: &Place, daemon: &Daemon, before: Counts) -> Result<()> {
    wait_until_announced(daemon)?;
    if daemon.log().contains("cannot set the leases") {
        daemon.wait_for_log("the leases are set again", PATIENCE)?;
    }
    place.counts(daemon, before)?;
    place.send()?;
    place.counts(daemon, before.after_one_of_each(true))
}

fn start(place: &Place, fault: Fault) -> Result<&'static str> {
    let faults = Faults::new();
    faults.fail_any(fault.nth, fault.errno);
    let options = place.options("mark").faults_by(&faults);
    let outcome = match Daemon::spawn(&place.lab.host, &options)?.ready_or_ended(PATIENCE)? {
        Ok(daemon) => {
            wait_for_calls(&faults, fault.nth)?;
            works(place, &daemon, Counts::default())?;
            let exit = daemon.stop()?;
            ensure!(exit.status.code() == Some(0), "{}: {}", exit.status, exit.stderr);
            "works"
        }
        Err(exit) => {
            ends_as_documented(&exit, place, failed(&faults, 0, fault))?;
            "ends"
        }
    };
    place.is_as_it_was()?;
    ensure!(place.pins().is_empty(), "{:?}", place.pins());
    Ok(outcome)
}

#[test]
fn whichever_call_fails_a_daemon_works_or_leaves_nothing() {
    require!(Root, Tool("ip"), Tool("tc"), Daemon);
    let calls = calls_of_a_start(&Place::new());
    println!("{} calls", calls.len());
    for kind in [
        command::MAP_CREATE,
        command::PROG_LOAD,
        command::OBJ_PIN,
        command::PROG_TEST_RUN,
        command::LINK_CREATE,
    ] {
        assert!(calls.contains(&kind), "no command {kind}");
    }
    inflict(&faults(&calls, ENDS, BETWEEN), Place::new, |place, fault| start(place, fault));
}
