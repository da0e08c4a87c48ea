//! A thread for each source that can change: it reads when it is told to, and by the clock. What it reads
//! goes to the updater, and so does the news that a reading takes too long, which nothing can end; the feed itself ends with
//! the updater's end of its orders, or with the process.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use super::{Failure, reading::Reader, reading::Reading};
use crate::{
    config::LeaseTerm,
    resources::{self, ResourceError},
    source::{
        SourceError,
        download::{Backoff, jittered, prolonged, random},
    },
    state::StateError,
};

const DAY: Duration = Duration::from_hours(24);

/// What a feed is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Read now.
    Now,
    /// Read within this time.
    Within(Duration),
}

/// One reading, or why there is none.
pub(in crate::daemon) struct Outcome {
    /// The source's place.
    pub(super) source: usize,
    pub(super) reading: Result<Reading, Failure>,
    /// What went wrong with the state directory meanwhile.
    pub(super) state_error: Option<StateError>,
    /// When it is tried again soon, after a failure.
    pub(super) again: Option<Duration>,
}

/// When a source is read again without an order.
pub(super) struct Rhythm {
    /// After a success.
    refresh: Duration,
    /// It is watched: a failure of its own, such as a list that is none, is over when it changes.
    is_watched: bool,
    backoff: Backoff,
}

impl Rhythm {
    /// Each `refresh`, a tenth more or less; after failures from a minute on, doubling up to an hour, and never later than
    /// it would be without a failure, but for a server that asks for more: it is left alone for so long, and up to a tenth
    /// longer, for it has asked others too.
    pub(super) fn of_download(refresh: Duration) -> Self {
        let (first, most) = (Duration::from_mins(1), Duration::from_hours(1));
        let backoff = Backoff::new(first.min(refresh), most.min(refresh));
        Self { refresh, is_watched: false, backoff }
    }

    /// Each day, or three times in a lease that is shorter: a file that is still there and can still be read confirms its
    /// list. Besides that it is watched. After a failure that is not the file's own, such as a lack of descriptors, from
    /// 2 s on, doubling up to 5 min: nothing tells when that is over.
    pub(super) fn of_file(lease: LeaseTerm) -> Self {
        let third = match lease {
            LeaseTerm::For(term) => term / 3,
            LeaseTerm::Never => DAY,
        };
        let backoff = Backoff::new(Duration::from_secs(2), Duration::from_mins(5));
        Self { refresh: third.clamp(Duration::from_secs(1), DAY), is_watched: true, backoff }
    }

    /// The time to the next reading.
    fn next(&mut self, failure: Option<&Failure>) -> Duration {
        if let Some(failure) = failure.filter(|failure| self.retries(failure)) {
            let rest = failure.rest().unwrap_or_default();
            return self.backoff.failed(random()).max(prolonged(rest, random()));
        }
        if failure.is_none() {
            self.backoff.succeeded();
        }
        jittered(self.refresh, random())
    }

    /// True for a failure after which the source is read again soon.
    fn retries(&self, failure: &Failure) -> bool {
        !self.is_watched || failure.is_passing()
    }
}

/// Starts the thread of the source at `source`, which reads at once.
///
/// # Errors
/// [`ResourceError::Thread`].
pub(super) fn start(
    source: usize,
    reader: Box<dyn Reader>,
    rhythm: Rhythm,
    tell: impl Fn(Outcome) -> bool + Send + Sync + 'static,
) -> Result<Sender<Order>, ResourceError> {
    let (orders, received) = mpsc::channel();
    let task = format!("read {}", reader.name());
    let run = move || run(source, reader, rhythm, &received, &tell);
    resources::thread_apart(&format!("source {source}"), task, run)?;
    Ok(orders)
}

fn run(
    source: usize,
    mut reader: Box<dyn Reader>,
    mut rhythm: Rhythm,
    orders: &Receiver<Order>,
    tell: &(impl Fn(Outcome) -> bool + Sync),
) {
    loop {
        // This reading answers all orders that came before it.
        orders.try_iter().for_each(drop);
        let late = |failure| tell(Outcome { source, reading: Err(failure), state_error: None, again: None });
        let reading = read_watched(&mut *reader, late);
        let next = rhythm.next(reading.as_ref().err());
        let again = reading.as_ref().err().is_some_and(|failure| rhythm.retries(failure)).then_some(next);
        let outcome = Outcome { source, reading, state_error: reader.state_error(), again };
        if !tell(outcome) {
            return;
        }
        // Nobody may write to a pipe when the clock says so.
        let next = again.or_else(|| (!reader.is_pipe()).then_some(next));
        if !wait(next.and_then(|next| Instant::now().checked_add(next)), orders) {
            return;
        }
    }
}

/// Reads, and says once when that takes longer than it may. What comes of it after all counts like any other reading.
fn read_watched(
    reader: &mut dyn Reader,
    late: impl FnOnce(Failure) -> bool + Send,
) -> Result<Reading, Failure> {
    let Some(limit) = reader.limit() else { return read(reader) };
    let list = reader.name();
    let (reading, is_read) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let watch = move || {
            if is_read.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                late(SourceError::Timeout { list, limit }.into());
            }
        };
        // Where there is no thread for it the source is read all the same, without the limit.
        let _ = thread::Builder::new().name("limit".to_owned()).spawn_scoped(scope, watch);
        let read = read(reader);
        drop(reading);
        read
    })
}

/// Reads. A reader that panics has failed like any other, and is asked again: no reading depends on the one before.
fn read(reader: &mut dyn Reader) -> Result<Reading, Failure> {
    let read = panic::catch_unwind(AssertUnwindSafe(|| reader.read()));
    read.unwrap_or_else(|_| Err(Failure::Panicked { list: reader.name() }))
}

/// Waits until it is time, or an order says so: `false` when there will be no more orders.
fn wait(mut due: Option<Instant>, orders: &Receiver<Order>) -> bool {
    loop {
        let order = match due {
            None => orders.recv().map_err(RecvTimeoutError::from),
            Some(due) => orders.recv_timeout(due.saturating_duration_since(Instant::now())),
        };
        match order {
            Ok(Order::Now) | Err(RecvTimeoutError::Timeout) => return true,
            Ok(Order::Within(time)) => {
                let latest = Instant::now().checked_add(time);
                due = due.into_iter().chain(latest).min();
            }
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}

#[cfg(test)]
mod tests;
