//! Runs all tests on one kernel, in as many boots as necessary. A test that crashes its machine is reported,
//! and the tests behind it run in another boot.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use super::{
    libtest::Outcome,
    machine::{self, Boot, Machine},
};

/// The results of the tests in machines of one kind.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// The machine's name.
    pub(super) machine: String,
    /// The release that the kernel reports.
    pub(super) release: String,
    /// The outcomes by test.
    pub(super) outcomes: BTreeMap<String, Outcome>,
    /// The number of machines that were started.
    pub(super) boots: usize,
    /// The time that its machines ran, added up.
    pub(super) took: Duration,
}

impl Column {
    /// Adds the results of other tests in the same machine.
    pub(super) fn add(&mut self, other: Self) {
        self.outcomes.extend(other.outcomes);
        self.boots += other.boots;
        self.took += other.took;
    }

    /// The numbers of tests that passed, that were left out, and that failed or died.
    pub(super) fn counts(&self) -> [usize; 3] {
        let mut counts = [0; 3];
        for outcome in self.outcomes.values() {
            counts[match outcome {
                Outcome::Passed => 0,
                Outcome::LeftOut(_) => 1,
                Outcome::Failed(_) | Outcome::Died(_) => 2,
            }] += 1;
        }
        counts
    }
}

/// Runs these tests, the `part`th part of all, in a machine.
pub(super) fn run(
    machine: &Machine,
    part: usize,
    shared: &[PathBuf; 2],
    tests: &[String],
    logs: &Path,
) -> Result<Column> {
    fs::create_dir_all(logs).with_context(|| format!("cannot make {}", logs.display()))?;
    let started = Instant::now();
    let (mut boots, mut retried) = (0, false);
    let mut boot = |rest: &[String]| -> Result<Boot> {
        loop {
            boots += 1;
            let initrd = logs.join(format!("{}-{part}-{boots}.initrd", machine.name));
            let boot = machine::boot(machine, shared, rest, &initrd)?;
            if boot.release.is_some() || retried {
                return Ok(boot);
            }
            // A machine without output was seen once in some hundred boots, and never twice in a row.
            eprintln!("{:>5}  printed nothing; booting again", machine.name);
            retried = true;
        }
    };
    let (release, outcomes) = all(tests, &mut boot)?;
    Ok(Column { machine: machine.name.clone(), release, outcomes, boots, took: started.elapsed() })
}

/// Boots until every test has an outcome.
fn all(
    tests: &[String],
    boot: &mut dyn FnMut(&[String]) -> Result<Boot>,
) -> Result<(String, BTreeMap<String, Outcome>)> {
    let mut outcomes = BTreeMap::new();
    loop {
        let rest: Vec<String> = tests.iter().filter(|test| !outcomes.contains_key(*test)).cloned().collect();
        let Boot { release, outcomes: more } = boot(&rest)?;
        let release = release.context("the machine does not come up")?;
        ensure!(!more.is_empty(), "the machine came up and ran no test");
        outcomes.extend(more);
        if tests.iter().all(|test| outcomes.contains_key(test)) {
            return Ok((release, outcomes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn tests_behind_a_death_run_in_another_boot() {
        let mut asked = Vec::new();
        let mut boot = |rest: &[String]| {
            asked.push(rest.to_vec());
            let mut outcomes = BTreeMap::new();
            for test in rest {
                let dies = test == "b";
                let outcome =
                    if dies { Outcome::Died("the machine went down".to_owned()) } else { Outcome::Passed };
                outcomes.insert(test.clone(), outcome);
                if dies {
                    break;
                }
            }
            Ok(Boot { release: Some("6.1".to_owned()), outcomes })
        };
        let (_, outcomes) = all(&names(&["a", "b", "c"]), &mut boot).unwrap();
        assert_eq!(asked, [names(&["a", "b", "c"]), names(&["c"])]);
        assert_eq!(outcomes["b"], Outcome::Died("the machine went down".to_owned()));
        assert_eq!(outcomes["c"], Outcome::Passed);
    }

    #[test]
    fn a_machine_that_runs_nothing_is_an_error() {
        let mut up = |_: &[String]| Ok(Boot { release: Some("6.1".to_owned()), outcomes: BTreeMap::new() });
        assert!(all(&names(&["a"]), &mut up).is_err());
        let mut down = |_: &[String]| Ok(Boot { release: None, outcomes: BTreeMap::new() });
        assert!(all(&names(&["a"]), &mut down).is_err());
    }
}
