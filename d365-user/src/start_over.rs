//! Starts this program over in the same process, if an answer that a process asks for only once was wrong.

use std::{env, io, os::unix::process::CommandExt as _, process::Command, time::Duration};

use procfs::{Current as _, Uptime, process::Process};

/// The highest age of a process that may be started over. If the answer stays wrong, the start continues and
/// reports the problem.
const LIMIT: Duration = Duration::from_secs(10);

/// Starts the program again with the same arguments, environment and process id, while the process is young.
/// It returns only if that is impossible: `None` if the process is too old or its age is unknown, otherwise
/// the error.
#[must_use]
pub fn start_over() -> Option<io::Error> {
    if age().is_none_or(|age| age > LIMIT) {
        return None;
    }
    let mut arguments = env::args_os();
    let mut command = Command::new("/proc/self/exe");
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    Some(command.args(arguments).exec())
}

/// The age of this process. Starting over does not make it younger.
fn age() -> Option<Duration> {
    let started = Process::myself().ok()?.stat().ok()?.starttime;
    let rate = procfs::ticks_per_second().max(1);
    let started = Duration::from_millis(started.saturating_mul(1000) / rate);
    Some(Uptime::current().ok()?.uptime_duration().saturating_sub(started))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_an_age_that_grows() {
        let before = age().unwrap();
        std::thread::sleep(Duration::from_millis(50));
        let now = age().unwrap();
        assert!(now > before && now < Duration::from_hours(1), "{before:?} {now:?}");
    }
}
