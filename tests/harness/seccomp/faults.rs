//! A kernel that fails when it is told to: any `bpf` call of a child, or any thread that it wants to make,
//! counted, at any time while the child runs.

use std::{
    collections::BTreeMap,
    io,
    os::unix::{net::UnixStream, process::CommandExt as _},
    process::Command,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use anyhow::{Context as _, Result};
use nix::{errno::Errno, libc};

use super::listener::{self, Listener};

/// Which calls of a child fail. Clones are the same plan; all children that it is inflicted on count
/// together.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    plan: Arc<Mutex<Plan>>,
    calls: Calls,
}

/// Which calls a plan is about.
#[derive(Clone, Copy, Debug, Default)]
enum Calls {
    #[default]
    Bpf,
    Threads,
}

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
    /// A plan of `bpf` calls. None fails yet: the child's calls are counted and pass.
    pub fn new() -> Self {
        Self::default()
    }

    /// A plan of the threads that the child makes; each is a call of the command [`THREAD`](super::THREAD). A
    /// thread fails with EAGAIN where a limit is reached (clone(2)).
    pub fn of_threads() -> Self {
        Self { plan: Arc::default(), calls: Calls::Threads }
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

    /// Has a program that is yet to be started, and its children, ask this plan about each of its calls. One
    /// plan a program.
    pub fn inflict_on(&self, command: &mut Command) -> Result<()> {
        let (ours, theirs) = UnixStream::pair()?;
        let faults = self.clone();
        let answer = move || {
            if let Err(error) = faults.answer(&ours) {
                // From here on the child's calls fail, and the test with them.
                eprintln!("calls are no longer answered: {error}");
            }
        };
        thread::Builder::new()
            .name("faults".to_owned())
            .spawn(answer)
            .context("no thread to answer calls")?;
        let mut filter = listener::filter(match self.calls {
            Calls::Bpf => &[libc::SYS_bpf],
            Calls::Threads => &[libc::SYS_clone, libc::SYS_clone3],
        })?;
        let install = move || listener::install(&theirs, &mut filter);
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
            let command = match self.calls {
                Calls::Bpf => call.first,
                Calls::Threads => super::THREAD,
            };
            let fault = self.plan().judge(command);
            listener.answer(&call, fault)?;
        }
        Ok(())
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
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
