//! A thread for each source that can change. It reads on order and by the clock, and sends the result to the
//! updater. It also reports a reading that takes too long, which nothing can end. A feed ends when the
//! updater drops the sender of its orders, or with the process.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use super::{Failure, reading::FetchedList, reading::Reader};
use crate::{
    resources::{self, ResourceError},
    settings::LeaseTerm,
    source::{
        SourceError,
        download::{Backoff, jittered, random, with_jitter},
    },
    state::StateError,
};

const DAY: Duration = Duration::from_hours(24);
/// Pause before a pipe is opened again after a failure, such as an invalid list.
const PIPE_PAUSE: Duration = Duration::from_mins(1);

/// An order to a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Read now.
    Now,
    /// Read within this time.
    Within(Duration),
}

/// The result of one reading.
pub(crate) struct ReadResult {
    /// The index of the source.
    pub(super) source: usize,
    pub(super) reading: Result<FetchedList, Failure>,
    /// An error of the state directory during the reading.
    pub(super) state_error: Option<StateError>,
    /// The time until the next try, if a failure is tried again soon.
    pub(super) again: Option<Duration>,
}

/// The timing by which a source is read without an order.
pub(super) struct Timing {
    /// The interval after a success.
    refresh: Duration,
    /// True if the source is a watched file. A failure of the file itself, such as an invalid list, can end
    /// only when the file changes.
    is_watched: bool,
    backoff: Backoff,
}

impl Timing {
    /// Reads each `refresh`, a tenth more or less. After a failure the pause starts at a minute and doubles
    /// up to an hour, but is never longer than `refresh`. If a server asks for a longer pause, the feed waits
    /// for that time and up to a tenth longer, because the server has asked others too.
    pub(super) fn of_download(refresh: Duration) -> Self {
        let (first, most) = (Duration::from_mins(1), Duration::from_hours(1));
        let backoff = Backoff::new(first.min(refresh), most.min(refresh));
        Self { refresh, is_watched: false, backoff }
    }

    /// Reads each day, or three times in a lease that is shorter: a file that still exists and can be read
    /// confirms its list. In addition the file is watched. After a failure that is not the file's own, such
    /// as a lack of descriptors, the pause starts at 2 s and doubles up to 5 min: nothing reports the end of
    /// such a failure.
    pub(super) fn of_file(lease: LeaseTerm) -> Self {
        let third = match lease {
            LeaseTerm::For(term) => term / 3,
            LeaseTerm::Never => DAY,
        };
        let backoff = Backoff::new(Duration::from_secs(2), Duration::from_mins(5));
        Self { refresh: third.clamp(Duration::from_secs(1), DAY), is_watched: true, backoff }
    }

    /// The time until the next reading.
    fn next(&mut self, failure: Option<&Failure>) -> Duration {
        if let Some(failure) = failure.filter(|failure| self.retries(failure)) {
            let pause = failure.retry_after().unwrap_or_default();
            return self.backoff.failed(random()).max(with_jitter(pause, random()));
        }
        if failure.is_none() {
            self.backoff.succeeded();
        }
        jittered(self.refresh, random())
    }

    /// Returns true for a failure after which the source is read again soon.
    fn retries(&self, failure: &Failure) -> bool {
        !self.is_watched || failure.is_passing()
    }
}

/// Starts the thread of the source `name` with index `source`. It reads at once, and hands each result to
/// `send`, which returns false when the feed must end.
pub(super) fn start(
    source: usize,
    name: String,
    reader: Box<dyn Reader>,
    timing: Timing,
    send: impl Fn(ReadResult) -> bool + Send + Sync + 'static,
) -> Result<Sender<Command>, ResourceError> {
    let (orders, received) = mpsc::channel();
    let task = format!("read {name}");
    let run = move || run(source, &name, reader, timing, &received, &send);
    resources::thread_apart(&format!("source {source}"), task, run)?;
    Ok(orders)
}

fn run(
    source: usize,
    name: &str,
    mut reader: Box<dyn Reader>,
    mut timing: Timing,
    orders: &Receiver<Command>,
    send: &(impl Fn(ReadResult) -> bool + Sync),
) {
    // The HTTP client's lines have the source too.
    let _span = tracing::error_span!("read", source = name).entered();
    loop {
        // This reading answers all earlier orders.
        orders.try_iter().for_each(drop);
        let late =
            |failure| send(ReadResult { source, reading: Err(failure), state_error: None, again: None });
        let reading = read_watched(name, &mut *reader, late);
        let is_read = reading.is_ok();
        let next = timing.next(reading.as_ref().err());
        let again = reading.as_ref().err().is_some_and(|failure| timing.retries(failure)).then_some(next);
        let outcome = ReadResult { source, reading, state_error: reader.state_error(), again };
        if !send(outcome) {
            return;
        }
        // The next reading of a pipe waits for the next writer.
        let next = match (reader.is_pipe(), is_read) {
            (true, true) => Duration::ZERO,
            (true, false) => again.unwrap_or(PIPE_PAUSE),
            (false, _) => next,
        };
        if !wait(Instant::now().checked_add(next), orders) {
            return;
        }
    }
}

/// Reads, and reports once if that takes longer than the limit. A late result counts like any other reading.
fn read_watched(
    name: &str,
    reader: &mut dyn Reader,
    late: impl FnOnce(Failure) -> bool + Send,
) -> Result<FetchedList, Failure> {
    let Some(limit) = reader.limit() else { return read(name, reader) };
    let list = name.to_owned();
    let (reading, is_read) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let watch = move || {
            if is_read.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                late(SourceError::Timeout { list, limit }.into());
            }
        };
        // If that thread cannot be made, the source is read without the limit.
        let _ = thread::Builder::new().name("limit".to_owned()).spawn_scoped(scope, watch);
        let read = read(name, reader);
        drop(reading);
        read
    })
}

/// Reads. A panic of the reader counts as a failure, and the reader is used again: no reading depends on the
/// one before.
fn read(name: &str, reader: &mut dyn Reader) -> Result<FetchedList, Failure> {
    let read = panic::catch_unwind(AssertUnwindSafe(|| reader.read()));
    read.unwrap_or_else(|_| Err(Failure::Panicked { list: name.to_owned() }))
}

/// Waits until `due` or for an order to read. Returns false once no order can come any more.
fn wait(mut due: Option<Instant>, orders: &Receiver<Command>) -> bool {
    loop {
        let order = match due {
            None => orders.recv().map_err(RecvTimeoutError::from),
            Some(due) => orders.recv_timeout(due.saturating_duration_since(Instant::now())),
        };
        match order {
            Ok(Command::Now) | Err(RecvTimeoutError::Timeout) => return true,
            Ok(Command::Within(time)) => {
                let latest = Instant::now().checked_add(time);
                due = due.into_iter().chain(latest).min();
            }
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}

#[cfg(test)]
mod tests;
