//! A kernel that fails on demand: any `bpf` call of a child, or any thread that the child wants to make. The
//! calls are counted, and can fail at any time while the child runs.

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

use super::{
    BpfFault,
    listener::{self, Listener},
};

/// A plan of the child's calls that fail. Clones share the plan. It counts the calls of all its children
/// together.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    plan: Arc<Mutex<Plan>>,
    calls: Calls,
}

/// The kind of calls that a plan covers.
#[derive(Clone, Copy, Debug, Default)]
enum Calls {
    #[default]
    Bpf,
    Threads,
}

#[derive(Debug, Default)]
struct Plan {
    /// The number of calls so far, by command.
    calls: BTreeMap<u32, usize>,
    /// The command of each call so far.
    history: Vec<u32>,
    /// Calls that fail once, by command and by the call's number among those of the command, from 1; `None`
    /// for every command.
    once: BTreeMap<(Option<u32>, usize), Errno>,
    /// Calls that fail from now on, by command; `None` for every command.
    always: BTreeMap<Option<u32>, Errno>,
}

impl Faults {
    /// A plan for `bpf` calls. It counts the child's calls, and all of them pass at first.
    pub fn new() -> Self {
        Self::default()
    }

    /// A plan for the threads that the child makes. Each is a call of the command [`THREAD`](super::THREAD).
    /// If a limit is reached, making a thread fails with EAGAIN (clone(2)).
    pub fn of_threads() -> Self {
        Self { plan: Arc::default(), calls: Calls::Threads }
    }

    /// Fails one call: the `nth` of this command (see [`command`](super::command)) from now on; 1 is the
    /// next.
    pub fn fail(&self, command: u32, nth: usize, errno: Errno) {
        let mut plan = self.plan();
        let number = plan.calls.get(&command).copied().unwrap_or(0) + nth;
        plan.once.insert((Some(command), number), errno);
    }

    /// Fails one call of any command: the `nth` from now on; 1 is the next.
    pub fn fail_any(&self, nth: usize, errno: Errno) {
        let mut plan = self.plan();
        let number = plan.history.len() + nth;
        plan.once.insert((None, number), errno);
    }

    /// Fails every call of this command from now on.
    pub fn fail_all(&self, command: u32, errno: Errno) {
        self.always(BpfFault::of(command, errno));
    }

    /// Fails every call that this fault covers from now on.
    pub(crate) fn always(&self, fault: BpfFault) {
        self.plan().always.insert(fault.command, fault.errno);
    }

    /// Lets all calls pass again.
    pub fn heal(&self) {
        let mut plan = self.plan();
        plan.once.clear();
        plan.always.clear();
    }

    /// The number of calls of this command, including failed ones.
    pub fn calls(&self, command: u32) -> usize {
        self.plan().calls.get(&command).copied().unwrap_or(0)
    }

    /// The command of each call so far, in order, including failed ones.
    pub fn history(&self) -> Vec<u32> {
        self.plan().history.clone()
    }

    /// Makes a program that is not yet started, and its children, ask this plan about each call. A program
    /// can have only one plan.
    pub fn inflict_on(&self, command: &mut Command) -> Result<()> {
        let (ours, theirs) = UnixStream::pair()?;
        let faults = self.clone();
        let answer = move || {
            if let Err(error) = faults.answer(&ours) {
                // From here on the child's calls fail, and the test fails with them.
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

    /// Answers calls until no process is left that can make one.
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
        let once = self
            .once
            .remove(&(Some(command), *calls))
            .or_else(|| self.once.remove(&(None, self.history.len())));
        let always = || self.always.get(&Some(command)).or_else(|| self.always.get(&None)).copied();
        once.or_else(always)
    }
}
