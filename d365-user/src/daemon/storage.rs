//! The state directory while the daemon runs: a thread of its own does every read and write there. Nobody waits for it longer
//! than a moment, least of all the thread that owns the kernel object: a disk that does not answer delays no detaching.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, SyncSender, channel, sync_channel},
    },
    time::{Duration, Instant},
};

use crate::{
    resources::{self, ResourceError},
    state::{StateDir, StateError},
};

/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// A call that takes longer hangs: a disk that is merely busy has answered.
const HUNG: Duration = Duration::from_secs(5);
/// Jobs that wait for the thread.
const WAITING: usize = 8;

type Job = Box<dyn FnOnce(&StateDir) + Send>;

/// The thread that works in the state directory, which it alone has.
#[derive(Clone)]
pub(super) struct Storage {
    path: PathBuf,
    jobs: SyncSender<Job>,
    progress: Arc<Mutex<Progress>>,
}

/// The job that is being done.
#[derive(Default)]
struct Progress {
    /// Since when; `None` while there is none.
    since: Option<Instant>,
    /// True once a caller has given up waiting for it.
    is_late: bool,
}

/// An answer that may come later.
pub(super) struct Pending<T>(Receiver<Result<T, StateError>>);

impl Storage {
    /// Starts the thread. It holds no descriptor but the directory's.
    ///
    /// # Errors
    /// [`ResourceError::Thread`].
    pub(super) fn start(directory: StateDir) -> Result<Self, ResourceError> {
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

    /// The directory, for messages.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the file `name` in it, for messages.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Returns true if the job that is being done takes longer than any disk should.
    pub(super) fn is_hung(&self) -> bool {
        lock(&self.progress).since.is_some_and(|since| since.elapsed() >= HUNG)
    }

    /// Returns true if nobody waits for the job that is being done any more, and nothing is asked until it is.
    pub(super) fn is_late(&self) -> bool {
        lock(&self.progress).is_late
    }

    /// Has `job` done, and waits for a moment. What was given up may be done later all the same.
    ///
    /// # Errors
    /// Those of `job`, or [`StateError::Hung`].
    pub(super) fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&StateDir) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, StateError> {
        self.wait(&self.ask(job)?).unwrap_or_else(|| Err(self.hung()))
    }

    /// Has `job` done, and waits for as long as it takes: for what is read before anything is attached.
    ///
    /// # Errors
    /// Those of `job`.
    pub(super) fn load<T: Send + 'static>(
        &self,
        job: impl FnOnce(&StateDir) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, StateError> {
        self.ask(job)?.0.recv().unwrap_or_else(|_| Err(self.hung()))
    }

    /// Has `job` done.
    ///
    /// # Errors
    /// [`StateError::Hung`] where too much waits already.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&StateDir) -> Result<T, StateError> + Send + 'static,
    ) -> Result<Pending<T>, StateError> {
        if self.is_late() {
            return Err(self.hung());
        }
        let (answer, answered) = channel();
        let job = move |directory: &StateDir| {
            // The panic hook has logged it.
            let done = catch_unwind(AssertUnwindSafe(|| job(directory)));
            let lost = |_| Err(StateError::Unexpected { path: directory.path().to_owned() });
            // Nobody may wait for the answer any more.
            let _ = answer.send(done.unwrap_or_else(lost));
        };
        self.jobs.try_send(Box::new(job)).map_err(|_| self.hung())?;
        Ok(Pending(answered))
    }

    /// The answer, for which it waits for a moment unless somebody has waited in vain already.
    pub(super) fn wait<T>(&self, pending: &Pending<T>) -> Option<Result<T, StateError>> {
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

/// The guard is never held over anything that panics.
fn lock(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
