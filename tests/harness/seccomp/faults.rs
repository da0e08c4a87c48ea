//! A kernel that fails when it is told to: any `bpf` call of a child, counted, at any time while the child runs.

use std::{
    collections::BTreeMap,
    io,
    os::unix::{net::UnixStream, process::CommandExt as _},
    process::Command,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use anyhow::{Context as _, Result};
use nix::errno::Errno;

use super::listener::{self, Listener};

/// Which `bpf` calls of a child fail. Clones are the same plan; all children that it is inflicted on count together.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

#[derive(Debug, Default)]
struct Plan {
    /// Calls so far, by command.
    calls: BTreeMap<u32, usize>,
    /// The command of each call so far.
    history: Vec<u32>,
    /// By command and the call's number among those of the command, from 1.
    once: BTreeMap<(u32, usize), Errno>,
    /// By the call's number among all, from 1.
    any: BTreeMap<usize, Errno>,
    /// By command, from now on.
    always: BTreeMap<u32, Errno>,
}

impl Faults {
    /// None yet: the child's calls are counted and pass.
    pub fn new() -> Self {
        Self::default()
    }

    /// Fails one call: the `nth` of this command (see [`command`](super::command)) from now, 1 being the next.
    pub fn fail(&self, command: u32, nth: usize, errno: Errno) {
        let mut plan = self.plan();
        let number = plan.calls.get(&command).copied().unwrap_or(0) + nth;
        plan.once.insert((command, number), errno);
    }

    /// Fails one call of whichever command: the `nth` from now, 1 being the next.
    pub fn fail_any(&self, nth: usize, errno: Errno) {
        let mut plan = self.plan();
        let number = plan.history.len() + nth;
        plan.any.insert(number, errno);
    }

    /// Fails every call of this command from now on.
    pub fn fail_all(&self, command: u32, errno: Errno) {
        self.plan().always.insert(command, errno);
    }

    /// Fails no call any more.
    pub fn heal(&self) {
        let mut plan = self.plan();
        plan.once.clear();
        plan.any.clear();
        plan.always.clear();
    }

    /// How many calls of this command there were, failed ones included.
    pub fn calls(&self, command: u32) -> usize {
        self.plan().calls.get(&command).copied().unwrap_or(0)
    }

    /// The command of each call so far, in their order, failed ones included.
    pub fn history(&self) -> Vec<u32> {
        self.plan().history.clone()
    }

    /// Has a program that is yet to be started, and its children, ask this plan about each `bpf` call. One plan a program.
    pub fn inflict_on(&self, command: &mut Command) -> Result<()> {
        let (ours, theirs) = UnixStream::pair()?;
        let faults = self.clone();
        let answer = move || {
            if let Err(error) = faults.answer(&ours) {
                // From here on the child's calls fail, and the test with them.
                eprintln!("bpf calls are no longer answered: {error}");
            }
        };
        thread::Builder::new()
            .name("faults".to_owned())
            .spawn(answer)
            .context("no thread to answer bpf calls")?;
        let install = move || listener::install(&theirs);
        // SAFETY: the closure makes system calls on values of its own; it neither allocates nor locks.
        unsafe {
            command.pre_exec(install);
        }
        Ok(())
    }

    /// Answers until nobody is left who asks.
    fn answer(&self, socket: &UnixStream) -> io::Result<()> {
        let Some(listener) = Listener::receive(socket)? else { return Ok(()) };
        while let Some(call) = listener.next()? {
            let fault = self.plan().judge(call.command);
            listener.answer(&call, fault)?;
        }
        Ok(())
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Plan {
    fn judge(&mut self, command: u32) -> Option<Errno> {
        let calls = self.calls.entry(command).or_default();
        *calls += 1;
        self.history.push(command);
        let once = self.once.remove(&(command, *calls)).or_else(|| self.any.remove(&self.history.len()));
        once.or_else(|| self.always.get(&command).copied())
    }
}
