//! The state directory while the daemon runs. A thread of its own does every read and write there. Once
//! something is attached, no caller waits for it longer than `PATIENCE`. A disk that does not answer
//! therefore does not delay the thread that owns the kernel object and detaches.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, SyncSender, channel, sync_channel},
    },
    time::{Duration, Instant},
};

use super::{directory::StateDir, error::StateError};
use crate::resources::{self, ResourceError};

/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// A job that takes longer counts as hung: a disk that is merely busy has answered by then.
const HUNG: Duration = Duration::from_secs(5);
/// The number of jobs that may wait for the thread.
const WAITING: usize = 8;

type Job = Box<dyn FnOnce(&StateDir) + Send>;

/// A handle to the thread that works in the state directory. No other thread has the directory.
#[derive(Clone)]
pub(crate) struct Storage {
    path: PathBuf,
    jobs: SyncSender<Job>,
    progress: Arc<Mutex<Progress>>,
}

/// The job that the thread is doing.
#[derive(Default)]
struct Progress {
    /// Start of the job; `None` while there is no job.
    since: Option<Instant>,
    /// True once a caller has stopped waiting for the job.
    is_late: bool,
}

/// The result of a job, which may arrive later.
pub(crate) struct Pending<T>(Receiver<Result<T, StateError>>);

impl Storage {
    /// Starts the thread. It holds the directory's descriptor and no other.
    pub(crate) fn start(directory: StateDir) -> Result<Self, ResourceError> {
        let (jobs, received) = sync_channel::<Job>(WAITING);
        let (path, progress) = (directory.path().to_owned(), Arc::<Mutex<Progress>>::default());
        let own = Arc::clone(&progress);
        let work = move |directory: Option<StateDir>| {
            let Some(directory) = directory else { return };
            for job in received {
                *lock(&own) = Progress { since: Some(Instant::now()), is_late: false };
                job(&directory);
                *lock(&own) = Progress::default();
            }
        };
        resources::thread_apart_with("storage", "keep the state directory", Some(directory), work)?;
        Ok(Self { path, jobs, progress })
    }

    /// The path of the directory, for messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns true if the current job takes longer than any disk should.
    pub(crate) fn is_hung(&self) -> bool {
        lock(&self.progress).since.is_some_and(|since| since.elapsed() >= HUNG)
    }

    /// Returns true if a caller has stopped waiting for the current job. The thread accepts no job until that
    /// one ends.
    pub(crate) fn is_late(&self) -> bool {
        lock(&self.progress).is_late
    }

    /// Sends `job` to the thread and waits a moment for its result. The thread may still do a job that the
    /// caller has stopped waiting for.
    ///
    /// # Errors
    /// Those of `job`, or [`StateError::Hung`].
    pub(crate) fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&StateDir) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, StateError> {
        self.wait(&self.ask(job)?).unwrap_or_else(|| Err(self.hung()))
    }

    /// Sends `job` to the thread and waits for as long as it takes. This is for reads before anything is
    /// attached.
    ///
    /// # Errors
    /// Those of `job`.
    pub(crate) fn load<T: Send + 'static>(
        &self,
        job: impl FnOnce(&StateDir) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, StateError> {
        self.ask(job)?.0.recv().unwrap_or_else(|_| Err(self.hung()))
    }

    /// Sends `job` to the thread.
    ///
    /// # Errors
    /// [`StateError::Hung`] if too many jobs wait, or a caller has stopped waiting for the current one.
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&StateDir) -> Result<T, StateError> + Send + 'static,
    ) -> Result<Pending<T>, StateError> {
        if self.is_late() {
            return Err(self.hung());
        }
        let (answer, answered) = channel();
        let job = move |directory: &StateDir| {
            // The panic hook has logged the panic.
            let done = catch_unwind(AssertUnwindSafe(|| job(directory)));
            let lost = |_| Err(StateError::Unexpected { path: directory.path().to_owned() });
            // The caller may have stopped waiting.
            let _ = answer.send(done.unwrap_or_else(lost));
        };
        self.jobs.try_send(Box::new(job)).map_err(|_| self.hung())?;
        Ok(Pending(answered))
    }

    /// Waits a moment for the result. It does not wait at all if a caller has already waited in vain for the
    /// current job.
    pub(crate) fn wait<T>(&self, pending: &Pending<T>) -> Option<Result<T, StateError>> {
        let limit = if self.is_late() { Duration::ZERO } else { PATIENCE };
        let answer = pending.0.recv_timeout(limit).ok();
        let mut progress = lock(&self.progress);
        progress.is_late |= answer.is_none() && progress.since.is_some();
        answer
    }

    fn hung(&self) -> StateError {
        StateError::Hung { path: self.path.clone() }
    }
}

/// No guard is held over code that panics.
fn lock(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
