//! Reads the serial line of a machine's tests: libtest's output, one test at a time, the messages of tests
//! that did not run, and the marks of the machine itself. Pure.

use std::collections::BTreeMap;

/// The result of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It ran and passed.
    Passed,
    /// It did not run, for this reason.
    LeftOut(String),
    /// It failed, with this output.
    Failed(String),
    /// The tests, or the whole machine, crashed or printed nothing more during it.
    Died(String),
}

impl Outcome {
    /// The word for the table.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Passed => "ok",
            Self::LeftOut(_) => "left out",
            Self::Failed(_) => "FAILED",
            Self::Died(_) => "DIED",
        }
    }
}

/// An event that a line reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The machine is up, with this release of the kernel.
    Up(String),
    /// This test has ended.
    Ended(String),
}

/// The output of one boot, line by line.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    current: Option<String>,
    outcomes: BTreeMap<String, Outcome>,
    reasons: BTreeMap<String, String>,
    /// The test whose output of a failure is being read.
    failure: Option<String>,
    /// The exit code of the tests.
    done: Option<String>,
}

impl Reading {
    /// Reads a line, and returns the event that it reports.
    pub(super) fn line(&mut self, line: &str) -> Option<Event> {
        if let Some(release) = line.strip_prefix("vm: up ") {
            return Some(Event::Up(release.to_owned()));
        }
        if let Some(code) = line.strip_prefix("vm: done ") {
            self.done = Some(code.to_owned());
            return None;
        }
        if let Some(name) = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----")) {
            self.failure = Some(name.to_owned());
            return None;
        }
        if line == "failures:" || line.starts_with("test result:") {
            self.failure = None;
            return None;
        }
        if let Some(name) = &self.failure {
            if let Some(Outcome::Failed(words)) = self.outcomes.get_mut(name) {
                words.push_str(line);
                words.push('\n');
            }
            return None;
        }
        let mut rest = line;
        if let Some((name, behind)) = line.strip_prefix("test ").and_then(|test| test.split_once(" ... ")) {
            self.current = Some(name.to_owned());
            rest = behind;
        }
        // The message may be behind libtest's output on the same line.
        if let Some((_, reason)) = rest.split_once("not run: ")
            && let Some((name, lacking)) = reason.split_once(" needs ")
        {
            self.reasons.insert(name.to_owned(), format!("needs {lacking}"));
            return None;
        }
        self.verdict(rest)
    }

    /// Ends the current test if these words are its verdict. The verdict is on the test's line, or on its own
    /// line behind the output of the test.
    fn verdict(&mut self, words: &str) -> Option<Event> {
        let name = self.current.clone()?;
        let outcome = match words {
            "ok" => self.reasons.remove(&name).map_or(Outcome::Passed, Outcome::LeftOut),
            "FAILED" => Outcome::Failed(String::new()),
            // An ignored test gives no typed reason, so it counts as failed.
            _ if words == "ignored" || words.starts_with("ignored, ") => Outcome::Failed(words.to_owned()),
            _ => return None,
        };
        self.current = None;
        self.outcomes.insert(name.clone(), outcome);
        Some(Event::Ended(name))
    }

    /// Ends the reading when the machine is gone. Returns the outcomes, including that of the test that was
    /// still running, if there was one.
    pub(super) fn end(mut self, how: &str) -> BTreeMap<String, Outcome> {
        if let Some(name) = self.current {
            let how = self.done.map_or(how.to_owned(), |code| format!("the tests ended with code {code}"));
            self.outcomes.insert(name, Outcome::Died(how));
        }
        self.outcomes
    }

    /// The outcome of a test that has ended.
    pub(super) fn outcome(&self, test: &str) -> Option<&Outcome> {
        self.outcomes.get(test)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> (Vec<Event>, BTreeMap<String, Outcome>) {
        let mut reading = Reading::default();
        let events = lines.lines().filter_map(|line| reading.line(line)).collect();
        (events, reading.end("the machine went down"))
    }

    #[test]
    fn every_outcome_is_read() {
        let (events, outcomes) = read(
            "vm: up 5.10.0-46-cloud-amd64\n\nrunning 5 tests\n\
            test a::passes ... ok\n\
            test a::needs ... not run: a::needs needs Linux 6.6 (tcx)\nok\n\
            test a::noisy ... warning: a line\nthe bread is not ok\nok\n\
            test a::fails ... FAILED\n\
            test a::ignored ... ignored, for a reason\n\
            \nfailures:\n\n---- a::fails stdout ----\n\nthread 'a::fails' panicked\nleft: 1\ntest z ... ok\n\n\
            failures:\n    a::fails\n\ntest result: FAILED. 3 passed; 1 failed\nvm: done 101\n",
        );
        let ended = |name: &str| Event::Ended(name.to_owned());
        assert_eq!(events[0], Event::Up("5.10.0-46-cloud-amd64".to_owned()));
        assert_eq!(events[1..3], [ended("a::passes"), ended("a::needs")]);
        assert_eq!(outcomes["a::passes"], Outcome::Passed);
        assert_eq!(outcomes["a::needs"], Outcome::LeftOut("needs Linux 6.6 (tcx)".to_owned()));
        assert_eq!(outcomes["a::noisy"], Outcome::Passed);
        let Outcome::Failed(words) = &outcomes["a::fails"] else { panic!("{outcomes:?}") };
        assert!(words.contains("left: 1"), "{words}");
        assert_eq!(outcomes["a::ignored"], Outcome::Failed("ignored, for a reason".to_owned()));
        assert_eq!(outcomes.len(), 5);
    }

    #[test]
    fn a_machine_that_dies_dies_in_a_test() {
        let (_, outcomes) = read("vm: up 6.1\ntest a ... ok\ntest b ... [   12.3] half a word");
        assert_eq!(outcomes["b"], Outcome::Died("the machine went down".to_owned()));
        let (_, outcomes) = read("vm: up 6.1\ntest a ... ok\nvm: done 0");
        assert_eq!(outcomes.len(), 1);
    }

    #[test]
    fn tests_that_end_too_early_died_in_a_test() {
        let (_, outcomes) = read("vm: up 6.1\ntest a ... ok\ntest b ... Aborted\nvm: done 134");
        assert_eq!(outcomes["b"], Outcome::Died("the tests ended with code 134".to_owned()));
        assert_eq!(outcomes.len(), 2);
    }
}
