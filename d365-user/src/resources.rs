//! Threads and file descriptors. The daemon makes all that it needs of them at its start, so that a lack of
//! them later ends nothing. A start that cannot get them reports the limit to raise.
//!
//! The daemon never calls a function that panics if the system has no thread left: `std::thread::spawn`,
//! tokio's `spawn_blocking`.

use std::{
    any::Any,
    fs::{self, File},
    io,
    os::fd::{AsFd, AsRawFd as _, RawFd},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{Sender, channel},
    thread::{Builder, JoinHandle},
};

use nix::{
    libc::{EMFILE, ENFILE, ENOMEM, STDERR_FILENO},
    sched::{CloneFlags, unshare},
    sys::signal::{SigSet, SigmaskHow, Signal},
    unistd::close,
};
use tokio::sync::oneshot;

/// Number of file descriptors that must be free at the start: about 50 for maps, programs, links, pins and
/// the runtime with one interface, 3 for each further interface, 32 for HTTP connections, the rest for files
/// and downloads.
const DESCRIPTORS: usize = 128;

/// A limit of the system that prevents the start. One line each.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the variants and fields are")]
pub enum ResourceError {
    #[error(
        "no thread to {task}: {cause}; raise the limit of threads (TasksMax= of the unit, pids.max of its cgroup, \
         LimitNPROC= or `ulimit -u` of its user)"
    )]
    Thread {
        /// The end of "no thread to …".
        task: String,
        /// The system's error.
        cause: io::Error,
    },
    #[error(
        "fewer than {DESCRIPTORS} file descriptors can be opened: {cause}; raise LimitNOFILE= of the unit or `ulimit -n` \
         (and fs.file-max, where the whole system has no more)"
    )]
    Descriptors {
        /// The system's error.
        cause: io::Error,
    },
}

/// Starts a thread that does `work`. `task` completes the message "no thread to …". The kernel shows 15 bytes
/// of the name.
///
/// The thread blocks all signals. tokio's signal handler writes into a pipe by its descriptor number. In a
/// thread with its own table of descriptors ([`thread_apart`]) that number is closed or names a file: the
/// signal would be lost, or a byte would be written to that file. The kernel gives a signal to another thread
/// while the first one has a signal pending.
pub fn thread(
    name: &str,
    task: impl Into<String>,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, ResourceError> {
    let mut blocked = SigSet::all();
    // These are the faults of a thread itself. Rust reports a stack overflow by one of them.
    for fault in [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGFPE, Signal::SIGILL] {
        blocked.remove(fault);
    }
    // A thread inherits the signal mask of the thread that creates it. Neither call fails, because both sets
    // are valid.
    let own = blocked.thread_swap_mask(SigmaskHow::SIG_BLOCK);
    let made = Builder::new().name(name.to_owned()).spawn(work);
    let _ = own.and_then(|own| own.thread_set_mask());
    made.map_err(|cause| ResourceError::Thread { task: task.into(), cause })
}

/// Starts a thread as [`thread`] does, for calls that may hang in the kernel where no signal ends them, for
/// example on a disk that does not respond. The thread has its own table of descriptors: 0 to 2, and those
/// that it opens itself. So when the process ends or is killed, the kernel closes what the other threads
/// hold, BPF links above all, and does not wait for the call that hangs.
///
/// No value that owns a descriptor may be passed from one side to the other: its number means something else
/// there.
pub fn thread_apart(
    name: &str,
    task: impl Into<String>,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, ResourceError> {
    thread_apart_with(name, task, None::<File>, |_| work())
}

/// Starts a thread as [`thread_apart`] does, and passes it one descriptor. From then on the descriptor is
/// open in that thread's table only.
///
/// Returns when the thread has its own table. If the kernel refuses that table, the thread works with the
/// common one.
pub fn thread_apart_with<T: AsFd + Send + 'static>(
    name: &str,
    task: impl Into<String>,
    taken: Option<T>,
    work: impl FnOnce(Option<T>) + Send + 'static,
) -> Result<JoinHandle<()>, ResourceError> {
    let own_name = name.to_owned();
    let descriptor = taken.as_ref().map(|taken| taken.as_fd().as_raw_fd());
    let (parted, is_parted) = channel();
    let work = move || {
        let result = part(descriptor);
        if let Err(error) = &result {
            tracing::warn!(
                thread = own_name, %error,
                "if the daemon is killed while this thread hangs, its program stays attached until the thread continues"
            );
        }
        // The thread that started this one waits for this message.
        let _ = parted.send(result.is_ok());
        work(taken);
    };
    let made = thread(name, task, work)?;
    if let (Some(descriptor), Ok(true)) = (descriptor, is_parted.recv()) {
        // The thread's own table has the descriptor. The number cannot belong to another file by now, because
        // nobody else closes it.
        let _ = close(descriptor);
    }
    Ok(made)
}

/// Gives this thread its own table of descriptors, and closes those that it does not need.
fn part(keep: Option<RawFd>) -> io::Result<()> {
    unshare(CloneFlags::CLONE_FILES)?;
    let number = |entry: fs::DirEntry| entry.file_name().to_str().and_then(|name| name.parse().ok());
    // Without /proc, copies of the descriptors that are open by now stay. No program is attached at this
    // time.
    let open: Vec<RawFd> =
        fs::read_dir("/proc/thread-self/fd").into_iter().flatten().flatten().filter_map(number).collect();
    for descriptor in open.into_iter().filter(|open| *open > STDERR_FILENO && Some(*open) != keep) {
        // The descriptor of the listing itself is closed by now.
        let _ = close(descriptor);
    }
    Ok(())
}

/// Checks that enough file descriptors are free. Some libraries panic if they get none.
pub fn check_descriptors() -> Result<(), ResourceError> {
    let opened: io::Result<Vec<File>> = (0..DESCRIPTORS).map(|_| File::open("/proc/self/exe")).collect();
    match opened {
        Err(cause) if is_lack(&cause) => Err(ResourceError::Descriptors { cause }),
        // Without /proc the check is impossible. A lack then shows at the next open.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Returns true if the system has no more descriptors or memory.
#[must_use]
pub fn is_lack(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(EMFILE | ENFILE | ENOMEM))
}

/// A thread that does one job after another while this value lives.
#[derive(Clone, Debug)]
pub struct Worker(Sender<Box<dyn FnOnce() + Send>>);

impl Worker {
    /// Starts the thread.
    pub fn start(name: &str, task: impl Into<String>) -> Result<Self, ResourceError> {
        let (jobs, received) = channel::<Box<dyn FnOnce() + Send>>();
        let work = move || {
            for job in received {
                // The panic hook has logged it, and the caller sees that there is no answer.
                let _: Result<(), Box<dyn Any + Send>> = catch_unwind(AssertUnwindSafe(job));
            }
        };
        thread(name, task, work).map(|_| Self(jobs))
    }

    /// Queues `job`. The receiver gets its answer, or an error if the job panics.
    pub fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> oneshot::Receiver<T> {
        let (answer, answered) = oneshot::channel();
        let job = move || {
            // The caller may no longer wait for the answer.
            let _ = answer.send(job());
        };
        // The thread ends with the last clone of this value. If it has ended for any other reason, there is
        // no answer.
        let _ = self.0.send(Box::new(job));
        answered
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_worker_does_one_job_after_another_and_outlives_a_panic() {
        let worker = Worker::start("worker", "test").unwrap();
        let first = worker.run(|| std::thread::current().id());
        let lost = worker.run(|| -> u32 { panic!("the test's own panic") });
        let last = worker.run(|| std::thread::current().id());
        assert!(lost.blocking_recv().is_err());
        let (first, last) = (first.blocking_recv().unwrap(), last.blocking_recv().unwrap());
        assert!(first == last && first != std::thread::current().id());
    }

    #[test]
    fn a_thread_takes_no_signal_and_the_one_that_made_it_still_does() {
        let before = SigSet::thread_get_mask().unwrap();
        let (tell, told) = channel();
        let work = move || tell.send(SigSet::thread_get_mask().unwrap()).unwrap();
        thread("thread", "test", work).unwrap().join().unwrap();
        let mask = told.recv().unwrap();
        for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGXCPU] {
            assert!(mask.contains(signal) && !before.contains(signal), "{signal}");
        }
        assert!(!mask.contains(Signal::SIGSEGV));
        assert_eq!(SigSet::thread_get_mask().unwrap(), before);
    }

    /// Number of open descriptors in this thread's table, without the descriptor of the listing.
    fn open() -> usize {
        fs::read_dir("/proc/thread-self/fd").unwrap().count() - 1
    }

    #[test]
    fn a_thread_apart_holds_no_descriptor_of_the_others() {
        let (reader, writer) = nix::unistd::pipe().unwrap();
        let taken = File::open("/proc/self/status").unwrap();
        let number = taken.as_raw_fd();
        let (tell, told) = channel();
        let (end, ended) = channel::<()>();
        let work = move |taken: Option<File>| {
            let mut first = [0; 5];
            taken.unwrap().read_exact(&mut first).unwrap();
            tell.send((open(), first)).unwrap();
            let _ = ended.recv();
        };
        let apart = thread_apart_with("apart", "test", Some(taken), work).unwrap();
        assert_eq!(told.recv().unwrap(), (3, *b"Name:"), "what was taken is closed again");
        // Another test may have got the number by now.
        let here = fs::read_link(format!("/proc/self/fd/{number}")).unwrap_or_default();
        assert!(!here.ends_with("status"), "it is not open on this side any more: {here:?}");
        // The last writer is gone although the thread still runs: a reader reaches the end.
        drop(writer);
        let mut rest = Vec::new();
        File::from(reader).read_to_end(&mut rest).unwrap();
        drop(end);
        apart.join().unwrap();
    }

    #[test]
    fn a_lack_is_told_from_other_errors() {
        for code in [EMFILE, ENFILE, ENOMEM] {
            assert!(is_lack(&io::Error::from_raw_os_error(code)), "{code}");
        }
        assert!(!is_lack(&io::ErrorKind::NotFound.into()) && !is_lack(&io::Error::from_raw_os_error(1)));
    }

    #[test]
    fn a_message_names_the_limits() {
        let cause = || io::Error::from_raw_os_error(EMFILE);
        let thread = ResourceError::Thread { task: "write the log".to_owned(), cause: cause() }.to_string();
        let descriptors = ResourceError::Descriptors { cause: cause() }.to_string();
        for (message, words) in [
            (thread, &["no thread to write the log: ", "TasksMax=", "pids.max", "LimitNPROC="][..]),
            (descriptors, &["file descriptors", "LimitNOFILE=", "ulimit -n"]),
        ] {
            assert!(words.iter().all(|word| message.contains(word)), "{message}");
        }
    }
}
