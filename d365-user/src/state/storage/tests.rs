//! Tests of jobs that answer, that take too long, and that panic.

use std::thread;

use super::*;
use crate::state::Scratch;

fn storage(scratch: &Scratch) -> Storage {
    let directory = crate::state_files::open(&scratch.0).expect("a state directory");
    Storage::start(directory).expect("a thread")
}

/// Waits, for twice as long as a hang takes to be noticed.
fn until(is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + HUNG * 2;
    while !is_so() {
        assert!(Instant::now() < deadline);
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_answer_is_the_jobs_own() {
    let scratch = Scratch::new();
    let storage = storage(&scratch);
    let path = storage.run(|directory| Ok(directory.path().to_owned())).unwrap();
    assert_eq!(path, scratch.0);
    let lost = storage.run(|_| -> Result<u32, _> { panic!("the test's own panic") });
    assert!(matches!(lost, Err(StateError::Unexpected { .. })), "{lost:?}");
    assert_eq!(storage.run(|_| Ok(7)).unwrap(), 7, "the thread outlives a panic");
    assert!(!storage.is_late() && !storage.is_hung());
}

#[test]
fn a_job_that_hangs_is_waited_for_once_and_its_answer_comes_later() {
    let scratch = Scratch::new();
    let storage = storage(&scratch);
    let (end, ended) = channel::<()>();
    let since = Instant::now();
    let hung = storage.ask(move |_| Ok(ended.recv().is_err())).unwrap();
    assert!(storage.wait(&hung).is_none());
    assert!((PATIENCE..PATIENCE * 2).contains(&since.elapsed()), "{:?}", since.elapsed());
    assert!(storage.is_late() && !storage.is_hung());
    let since = Instant::now();
    assert!(matches!(storage.run(|_| Ok(())), Err(StateError::Hung { .. })));
    assert!(storage.wait(&hung).is_none());
    assert!(since.elapsed() < PATIENCE / 2, "no caller waits twice");
    until(|| storage.is_hung());
    drop(end);
    until(|| !storage.is_late());
    assert!(storage.wait(&hung).unwrap().unwrap(), "the late answer");
    assert!(!storage.is_hung());
    storage.run(|_| Ok(())).unwrap();
}

/// As in the daemon, several threads have a handle; the lock is free once the last handle is gone.
#[test]
fn the_directory_is_locked_until_the_last_of_it_is_gone() {
    let scratch = Scratch::new();
    let (storage, another) = (storage(&scratch), scratch.0.clone());
    let other = storage.clone();
    drop(storage);
    assert!(matches!(crate::state_files::open(&another), Err(StateError::InUse { .. })));
    other.run(|_| Ok(())).unwrap();
    resources::thread_apart("apart", "test", move || drop(other)).unwrap().join().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while crate::state_files::open(&another).is_err() {
        assert!(Instant::now() < deadline, "it is locked for ever");
    }
}
