//! Programs that a test starts. A program ends when its value is dropped or the test's process ends.

use std::{
    os::unix::process::CommandExt as _,
    process::{ChildStderr, ChildStdout, Command, ExitStatus},
    time::Duration,
};

use anyhow::{Context as _, Result};
use nix::{
    sys::{
        prctl,
        signal::{Signal, kill},
    },
    unistd::Pid,
};

use crate::{netns::Netns, patience};

/// A running program. Dropping it kills the program and waits for its end.
#[derive(Debug)]
pub struct Child {
    inner: std::process::Child,
    /// Keeps the thread alive that forked the program: the kernel kills the program when that thread ends.
    _netns: Netns,
}

impl Child {
    pub(crate) fn new(inner: std::process::Child, netns: Netns) -> Self {
        Self { inner, _netns: netns }
    }

    /// The program's process id.
    pub fn pid(&self) -> u32 {
        self.inner.id()
    }

    /// Sends a signal. A program that has already ended is not an error.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_raw(i32::try_from(self.inner.id())?);
        match kill(pid, signal) {
            Ok(()) | Err(nix::Error::ESRCH) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("cannot send {signal} to process {pid}")),
        }
    }

    /// Waits for the program's end, at most for `limit`. Returns its exit status, or `None` if it still runs.
    pub fn wait(&mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        patience::wait(limit, || Ok(self.inner.try_wait()?))
    }

    /// Kills the program at once, and returns its exit status.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.inner.kill()?;
        Ok(self.inner.wait()?)
    }

    /// Takes the program's standard output, if it was piped. Later calls return `None`.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.inner.stdout.take()
    }

    /// Takes the program's standard error, if it was piped. Later calls return `None`.
    pub fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.inner.stderr.take()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Makes the kernel kill the program when the thread that starts it ends. Register this after anything that
/// changes the user, because a change of user clears the setting.
pub fn die_with_parent(command: &mut Command) {
    let parent = std::process::id();
    let ask = move || {
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        // The parent may have ended before the request.
        if nix::unistd::getppid().as_raw().cast_unsigned() == parent {
            Ok(())
        } else {
            Err(nix::Error::ECHILD.into())
        }
    };
    // SAFETY: the closure makes system calls only; it neither allocates nor takes a lock.
    unsafe {
        command.pre_exec(ask);
    }
}
