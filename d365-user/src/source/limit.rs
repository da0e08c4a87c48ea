//! How long a file may take to be read: a pipe may have no writer, and a network file system no server. What hangs there is
//! left behind, for no system call can be taken back; nothing here ends it.

use std::{
    panic,
    path::Path,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use super::SourceError;

/// How long a file may take. The largest document is read in a second; a pipe's writer may be a download.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Reads the file at `path` by `read`, on a thread of its own. For whoever reads once, and ends then.
///
/// # Errors
/// What `read` says, or [`SourceError::Timeout`] after `limit`.
pub fn within<T: Send + 'static>(
    limit: Duration,
    path: &Path,
    read: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    let (answer, answered) = mpsc::channel();
    // Nobody may wait for the answer any more.
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

    #[test]
    fn an_answer_in_time_is_the_answer() {
        assert_eq!(within(PATIENCE, Path::new("/a"), || Ok(7)).unwrap(), 7);
        let empty = || Err::<(), _>(SourceError::Empty { list: "a".to_owned() });
        assert_eq!(within(PATIENCE, Path::new("/a"), empty).unwrap_err().reason(), "empty");
    }

    #[test]
    fn what_hangs_is_left_behind() {
        let (_held, hangs) = mpsc::channel::<()>();
        let read = move || Ok(hangs.recv().is_ok());
        let error = within(Duration::from_millis(20), Path::new("/a/pipe"), read).unwrap_err();
        assert_eq!(error.reason(), "timeout");
        assert!(error.to_string().starts_with("/a/pipe: no answer within 20ms; "), "{error}");
    }

    #[test]
    #[should_panic(expected = "the test's own panic")]
    fn a_panic_is_the_callers() {
        let _ = within(PATIENCE, Path::new("/a"), || -> Result<(), _> { panic!("the test's own panic") });
    }
}
