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
        match failure {
            Some(failure) if self.retries(failure) => {
                let rest = failure.rest().unwrap_or_default();
                self.backoff.failed(random()).max(prolonged(rest, random()))
            }
            Some(_) => jittered(self.refresh, random()),
            None => {
                self.backoff.succeeded();
                jittered(self.refresh, random())
            }
        }
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
        if !tell(outcome) || !wait(Instant::now().checked_add(next), orders) {
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
mod tests {
    use std::io;

    use nix::libc::{EIO, EMFILE, ENFILE, ENOENT, ENOMEM};

    use super::*;
    use crate::source::download::{DownloadError, Problem};

    #[test]
    fn a_download_is_repeated_by_the_clock_and_sooner_after_a_failure() {
        let mut rhythm = Rhythm::of_download(Duration::from_hours(6));
        let tenth = Duration::from_mins(36);
        let next = rhythm.next(None);
        assert!(
            next >= Duration::from_hours(6) - tenth && next <= Duration::from_hours(6) + tenth,
            "{next:?}"
        );
        let failed = Failure::Panicked { list: "a list".to_owned() };
        assert!(rhythm.next(Some(&failed)) <= Duration::from_mins(1));
        (0..20).for_each(|_| assert!(rhythm.next(Some(&failed)) <= Duration::from_hours(1)));
        let mut rhythm = Rhythm::of_download(Duration::from_secs(2));
        assert!(rhythm.next(Some(&failed)) <= Duration::from_secs(2));
    }

    #[test]
    fn a_file_is_read_again_each_day_and_soon_after_a_failure_that_is_not_its_own() {
        let read = |code| {
            let cause = io::Error::from_raw_os_error(code);
            Failure::from(SourceError::Read { path: "/list".into(), cause })
        };
        let mut rhythm = Rhythm::of_file(LEASE);
        let day = Duration::from_hours(21)..=Duration::from_hours(27);
        assert!(day.contains(&rhythm.next(None)));
        for own in [read(ENOENT), SourceError::Empty { list: "a".to_owned() }.into()] {
            assert!(day.contains(&rhythm.next(Some(&own))) && !rhythm.retries(&own), "it is watched");
        }
        for code in [EMFILE, ENFILE, ENOMEM, EIO] {
            let next = rhythm.next(Some(&read(code)));
            assert!((Duration::from_secs(1)..=Duration::from_secs(2)).contains(&next), "{code}: {next:?}");
            assert!(rhythm.retries(&read(code)) && day.contains(&rhythm.next(None)));
        }
        (0..20).for_each(|_| assert!(rhythm.next(Some(&read(EMFILE))) <= Duration::from_mins(5)));
        let mut rhythm = Rhythm::of_file(LeaseTerm::For(Duration::from_mins(30)));
        assert!(rhythm.next(None) <= Duration::from_mins(11), "three times in a lease");
        assert!(day.contains(&Rhythm::of_file(LeaseTerm::Never).next(None)));
    }

    #[test]
    fn a_server_that_asks_for_rest_has_it() {
        let asks = |rest| {
            let problem = Problem::Rest { status: 503, rest };
            let problem =
                DownloadError { url: "https://mirror.example/".parse().unwrap(), problem, next: None };
            Failure::Download { list: "a list".to_owned(), problem }
        };
        let hours = Duration::from_hours;
        let mut rhythm = Rhythm::of_download(Duration::from_secs(2));
        let next = rhythm.next(Some(&asks(hours(10))));
        assert!((hours(10)..=hours(11)).contains(&next), "{next:?}");
        let next = Rhythm::of_download(hours(6)).next(Some(&asks(Duration::ZERO)));
        assert!(
            (Duration::from_secs(30)..=Duration::from_mins(1)).contains(&next),
            "as without it: {next:?}"
        );
        assert!(rhythm.next(None) < Duration::from_secs(3), "it is forgotten by the next success");
    }

    const LEASE: LeaseTerm = LeaseTerm::For(Duration::from_hours(14 * 24));

    /// Panics at each second reading.
    struct Clumsy(u32);

    impl Reader for Clumsy {
        fn read(&mut self) -> Result<Reading, Failure> {
            self.0 += 1;
            assert!(self.0.is_multiple_of(2), "the test's own panic");
            let path = "/nowhere".into();
            Err(SourceError::Read { path, cause: io::ErrorKind::NotFound.into() }.into())
        }

        fn name(&self) -> String {
            "a list".to_owned()
        }
    }

    #[test]
    fn a_panic_is_a_failure_and_the_source_is_read_again() {
        let (tell, told) = mpsc::channel();
        let tell = move |outcome: Outcome| tell.send(outcome.reading.map(drop).unwrap_err().reason()).is_ok();
        let orders = start(0, Box::new(Clumsy(0)), Rhythm::of_file(LEASE), tell).unwrap();
        for reason in ["internal", "io", "internal"] {
            assert_eq!(told.recv().unwrap(), reason);
            orders.send(Order::Now).unwrap();
        }
    }

    /// Reads nothing, and holds each reading until it is told to go on.
    struct Slow(mpsc::Receiver<()>);

    impl Reader for Slow {
        fn name(&self) -> String {
            "a slow list".to_owned()
        }

        fn read(&mut self) -> Result<Reading, Failure> {
            self.0.recv().unwrap();
            let path = "/nowhere".into();
            Err(SourceError::Read { path, cause: io::ErrorKind::NotFound.into() }.into())
        }
    }

    #[test]
    fn many_orders_during_one_reading_are_one_more() {
        let ((go_on, held), (tell, told)) = (mpsc::channel(), mpsc::channel());
        let tell = move |outcome: Outcome| tell.send(outcome.source).is_ok();
        let orders = start(7, Box::new(Slow(held)), Rhythm::of_file(LEASE), tell).unwrap();
        (0..2).for_each(|_| go_on.send(()).unwrap());
        assert_eq!(told.recv().unwrap(), 7);
        orders.send(Order::Now).unwrap();
        assert_eq!(told.recv().unwrap(), 7);
        orders.send(Order::Now).unwrap();
        // This reading has begun when its order is not waiting any more; these are given meanwhile, or before it.
        (0..1000).for_each(|_| orders.send(Order::Now).unwrap());
        (0..1000).for_each(|_| go_on.send(()).unwrap());
        std::thread::sleep(Duration::from_millis(200));
        let readings = told.try_iter().count();
        assert!((1..=3).contains(&readings), "{readings} readings");
    }

    /// A slow list with a limit.
    struct Limited(Slow, Duration);

    impl Reader for Limited {
        fn name(&self) -> String {
            self.0.name()
        }

        fn limit(&self) -> Option<Duration> {
            Some(self.1)
        }

        fn read(&mut self) -> Result<Reading, Failure> {
            self.0.read()
        }
    }

    #[test]
    fn a_reading_that_takes_too_long_is_told_once_and_counts_when_it_comes() {
        let ((go_on, held), (tell, told)) = (mpsc::channel(), mpsc::channel());
        let tell = move |outcome: Outcome| tell.send(outcome.reading.map(drop).unwrap_err().reason()).is_ok();
        let reader = Limited(Slow(held), Duration::from_millis(50));
        let orders = start(0, Box::new(reader), Rhythm::of_file(LEASE), tell).unwrap();
        for _ in 0..2 {
            assert_eq!(told.recv().unwrap(), "timeout");
            assert_eq!(told.recv_timeout(Duration::from_millis(200)), Err(RecvTimeoutError::Timeout));
            go_on.send(()).unwrap();
            assert_eq!(told.recv().unwrap(), "io", "the slow list's own answer");
            orders.send(Order::Now).unwrap();
        }
    }

    #[test]
    fn a_reading_in_time_is_told_alone() {
        let ((go_on, held), (tell, told)) = (mpsc::channel(), mpsc::channel());
        let tell = move |outcome: Outcome| tell.send(outcome.reading.map(drop).unwrap_err().reason()).is_ok();
        go_on.send(()).unwrap();
        let started = Instant::now();
        let reader = Limited(Slow(held), Duration::from_hours(1));
        let _orders = start(0, Box::new(reader), Rhythm::of_file(LEASE), tell).unwrap();
        assert_eq!(told.recv().unwrap(), "io");
        assert!(started.elapsed() < Duration::from_mins(1), "it does not wait for its limit");
    }

    #[test]
    fn orders_come_before_the_clock() {
        let (send, orders) = mpsc::channel();
        let far = || Instant::now().checked_add(Duration::from_hours(1));
        send.send(Order::Now).unwrap();
        assert!(wait(far(), &orders));
        send.send(Order::Within(Duration::from_millis(1))).unwrap();
        assert!(wait(far(), &orders));
        send.send(Order::Within(Duration::from_millis(1))).unwrap();
        assert!(wait(None, &orders), "a file is read again, too");
        assert!(wait(Some(Instant::now()), &orders));
        drop(send);
        assert!(!wait(far(), &orders));
    }
}
