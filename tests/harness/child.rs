//! Programs started by a test: gone when their value is dropped or the test's process ends.

use std::{
    os::unix::process::CommandExt as _,
    process::{ChildStderr, ChildStdout, Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use nix::{
    sys::{
        prctl,
        signal::{Signal, kill},
    },
    unistd::Pid,
};

use crate::netns::Netns;

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

    /// Sends a signal; that the program has ended already is no error.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_raw(i32::try_from(self.inner.id())?);
        match kill(pid, signal) {
            Ok(()) | Err(nix::Error::ESRCH) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("cannot send {signal} to process {pid}")),
        }
    }

    /// The exit status if the program ends within `limit`; `None` if it runs on.
    pub fn wait(&mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        let deadline = crate::patience::deadline(limit);
        loop {
            if let Some(status) = self.inner.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends the program at once.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.inner.kill()?;
        Ok(self.inner.wait()?)
    }

    /// The program's standard output, where it was piped; once.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.inner.stdout.take()
    }

    /// The program's standard error, where it was piped; once.
    pub fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.inner.stderr.take()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Has the kernel kill the program when the thread that starts it ends. To be registered after anything that
/// changes the user: that clears the setting.
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
