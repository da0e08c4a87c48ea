//! The queue of log lines on their way to standard error. A thread of its own writes them: a reader that
//! stalls costs log lines, never the daemon's time. A line that finds the queue full is lost.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc::{SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use tracing_subscriber::fmt::MakeWriter;

use crate::resources::{self, ResourceError};

/// The longest wait at the end for lines that are not written yet.
const GRACE: Duration = Duration::from_secs(1);
/// Pause between two looks whether they are written.
const PAUSE: Duration = Duration::from_millis(10);

/// The entry of the queue. Each write is one line.
pub(super) struct Queue {
    lines: SyncSender<Vec<u8>>,
    /// Number of lines that are not written yet.
    waiting: Arc<AtomicUsize>,
}

/// Waits until the queued lines are written when it is dropped, for a second at most.
#[must_use]
pub struct Guard(Arc<AtomicUsize>);

/// Starts the thread that writes into `out`, with a queue of `lines` lines.
pub(super) fn start(
    mut out: impl Write + Send + 'static,
    lines: usize,
) -> Result<(Queue, Guard), ResourceError> {
    let (lines, received) = sync_channel::<Vec<u8>>(lines);
    let waiting = Arc::<AtomicUsize>::default();
    let (queue, guard) = (Queue { lines, waiting: Arc::clone(&waiting) }, Guard(Arc::clone(&waiting)));
    // Standard error may be a file, and a thread that may wait for a disk has its own descriptors.
    resources::thread_apart("log", "write the log", move || {
        for line in received {
            // A line that cannot be written is lost.
            let _ = out.write_all(&line);
            waiting.fetch_sub(1, SeqCst);
        }
    })?;
    Ok((queue, guard))
}

impl Write for &Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // The thread subtracts it, and may do so before `try_send` returns.
        self.waiting.fetch_add(1, SeqCst);
        if self.lines.try_send(line.to_vec()).is_err() {
            self.waiting.fetch_sub(1, SeqCst);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Queue {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let end = Instant::now() + GRACE;
        while self.0.load(SeqCst) > 0 && Instant::now() < end {
            thread::sleep(PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Slow(Arc<Mutex<Vec<u8>>>);

    impl Write for Slow {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            thread::sleep(Duration::from_millis(20));
            self.0.lock().unwrap().extend(line);
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_queued_is_written_by_the_end_and_in_order() {
        let out = Slow::default();
        let (queue, guard) = start(out.clone(), 8).unwrap();
        (0..8).for_each(|number| (&queue).write_all(format!("{number}\n").as_bytes()).unwrap());
        drop(guard);
        let text = String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.replace('\n', ""), "01234567");
    }

    /// Never writes anything.
    struct Stalled;

    impl Write for Stalled {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            thread::park_timeout(Duration::from_mins(1));
            Ok(0)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_stalls_delays_no_writer() {
        let (queue, guard) = start(Stalled, 4).unwrap();
        let since = Instant::now();
        (0..1000).for_each(|number| writeln!(&queue, "{number}").unwrap());
        assert!(since.elapsed() < GRACE / 2, "{:?}", since.elapsed());
        drop(guard);
        assert!((GRACE..GRACE * 5).contains(&since.elapsed()), "{:?}", since.elapsed());
    }
}
