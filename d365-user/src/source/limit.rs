//! The time limit for reading a file: a pipe may have no writer, and a network file system no server. A
//! thread whose read hangs is left behind, because no system call can be cancelled. Nothing here ends that
//! thread.

use std::{
    panic,
    path::Path,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use super::SourceError;

/// Time limit for one file. The largest document is read in a second, but the writer of a pipe may be a
/// download.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Reads the file at `path` with `read`, on a separate thread. Use it only in a command that reads once and
/// then exits.
///
/// # Errors
/// The error of `read`, or [`SourceError::Timeout`] after `limit`.
pub fn read_with_timeout<T: Send + 'static>(
    limit: Duration,
    path: &Path,
    read: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    let (answer, answered) = mpsc::channel();
    // The send fails if the caller no longer waits for the answer.
    let reading = move || drop(answer.send(read()));
    let reader = thread::Builder::new().name("reader".to_owned()).spawn(reading);
    let reader = reader.map_err(|cause| SourceError::Read { path: path.to_owned(), cause })?;
    let late = || SourceError::Timeout { list: path.display().to_string(), limit };
    match answered.recv_timeout(limit) {
        Ok(answer) => answer,
        Err(RecvTimeoutError::Timeout) => Err(late()),
        Err(RecvTimeoutError::Disconnected) => match reader.join() {
            Err(panic) => panic::resume_unwind(panic),
            Ok(()) => Err(late()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Reason;

    #[test]
    fn an_answer_in_time_is_the_answer() {
        assert_eq!(read_with_timeout(PATIENCE, Path::new("/a"), || Ok(7)).unwrap(), 7);
        let empty = || Err::<(), _>(SourceError::Empty { list: "a".to_owned() });
        assert_eq!(read_with_timeout(PATIENCE, Path::new("/a"), empty).unwrap_err().reason(), Reason::Empty);
    }

    #[test]
    fn what_hangs_is_left_behind() {
        let (_held, hangs) = mpsc::channel::<()>();
        let read = move || Ok(hangs.recv().is_ok());
        let error = read_with_timeout(Duration::from_millis(20), Path::new("/a/pipe"), read).unwrap_err();
        assert_eq!(error.reason(), Reason::Timeout);
        assert!(error.to_string().starts_with("/a/pipe: no answer within 20ms; "), "{error}");
    }

    #[test]
    #[should_panic(expected = "the test's own panic")]
    fn a_panic_is_the_callers() {
        let _ = read_with_timeout(PATIENCE, Path::new("/a"), || -> Result<(), _> {
            panic!("the test's own panic")
        });
    }
}
