//! Tests of the times at which sources are read, and of orders.

use std::io;

use nix::libc::{EIO, EMFILE, ENFILE, ENOENT, ENOMEM};

use super::*;
use crate::source::download::{DownloadError, Problem};

#[test]
fn a_download_is_repeated_by_the_clock_and_sooner_after_a_failure() {
    let mut timing = Timing::of_download(Duration::from_hours(6));
    let tenth = Duration::from_mins(36);
    let next = timing.next(None);
    assert!(next >= Duration::from_hours(6) - tenth && next <= Duration::from_hours(6) + tenth, "{next:?}");
    let failed = Failure::Panicked { list: "a list".to_owned() };
    assert!(timing.next(Some(&failed)) <= Duration::from_mins(1));
    (0..20).for_each(|_| assert!(timing.next(Some(&failed)) <= Duration::from_hours(1)));
    let mut timing = Timing::of_download(Duration::from_secs(2));
    assert!(timing.next(Some(&failed)) <= Duration::from_secs(2));
}

#[test]
fn a_file_is_read_again_each_day_and_soon_after_a_failure_that_is_not_its_own() {
    let read = |code| {
        let cause = io::Error::from_raw_os_error(code);
        Failure::from(SourceError::Read { path: "/list".into(), cause })
    };
    let mut timing = Timing::of_file(LEASE);
    let day = Duration::from_hours(21)..=Duration::from_hours(27);
    assert!(day.contains(&timing.next(None)));
    for own in [read(ENOENT), SourceError::Empty { list: "a".to_owned() }.into()] {
        assert!(day.contains(&timing.next(Some(&own))) && !timing.retries(&own), "it is watched");
    }
    for code in [EMFILE, ENFILE, ENOMEM, EIO] {
        let next = timing.next(Some(&read(code)));
        assert!((Duration::from_secs(1)..=Duration::from_secs(2)).contains(&next), "{code}: {next:?}");
        assert!(timing.retries(&read(code)) && day.contains(&timing.next(None)));
    }
    (0..20).for_each(|_| assert!(timing.next(Some(&read(EMFILE))) <= Duration::from_mins(5)));
    let mut timing = Timing::of_file(LeaseTerm::For(Duration::from_mins(30)));
    assert!(timing.next(None) <= Duration::from_mins(11), "three times in a lease");
    assert!(day.contains(&Timing::of_file(LeaseTerm::Never).next(None)));
}

#[test]
fn a_server_that_asks_for_rest_has_it() {
    let asks = |rest| {
        let problem = Problem::RetryAfter { status: 503, pause: rest };
        let problem = DownloadError { url: "https://mirror.example/".parse().unwrap(), problem, next: None };
        Failure::Download { list: "a list".to_owned(), problem }
    };
    let hours = Duration::from_hours;
    let mut timing = Timing::of_download(Duration::from_secs(2));
    let next = timing.next(Some(&asks(hours(10))));
    assert!((hours(10)..=hours(11)).contains(&next), "{next:?}");
    let next = Timing::of_download(hours(6)).next(Some(&asks(Duration::ZERO)));
    assert!((Duration::from_secs(30)..=Duration::from_mins(1)).contains(&next), "as without it: {next:?}");
    assert!(timing.next(None) < Duration::from_secs(3), "it is forgotten by the next success");
}

const LEASE: LeaseTerm = LeaseTerm::For(Duration::from_hours(14 * 24));

/// Panics at every other reading, the first included.
struct Clumsy(u32);

impl Reader for Clumsy {
    fn read(&mut self) -> Result<FetchedList, Failure> {
        self.0 += 1;
        assert!(self.0.is_multiple_of(2), "the test's own panic");
        let path = "/nowhere".into();
        Err(SourceError::Read { path, cause: io::ErrorKind::NotFound.into() }.into())
    }
}

#[test]
fn a_panic_is_a_failure_and_the_source_is_read_again() {
    let (sender, results) = mpsc::channel();
    let send = move |result: ReadResult| {
        sender.send(result.reading.map(drop).unwrap_err().reason().as_str()).is_ok()
    };
    let orders = start(0, "a list".to_owned(), Box::new(Clumsy(0)), Timing::of_file(LEASE), send).unwrap();
    for reason in ["internal", "io", "internal"] {
        assert_eq!(results.recv().unwrap(), reason);
        orders.send(Command::Now).unwrap();
    }
}

/// Reads nothing, and holds each reading until the test releases it.
struct Slow(mpsc::Receiver<()>);

impl Reader for Slow {
    fn read(&mut self) -> Result<FetchedList, Failure> {
        self.0.recv().unwrap();
        let path = "/nowhere".into();
        Err(SourceError::Read { path, cause: io::ErrorKind::NotFound.into() }.into())
    }
}

#[test]
fn many_orders_during_one_reading_are_one_more() {
    let ((go_on, held), (sender, results)) = (mpsc::channel(), mpsc::channel());
    let send = move |result: ReadResult| sender.send(result.source).is_ok();
    let orders = start(7, "a list".to_owned(), Box::new(Slow(held)), Timing::of_file(LEASE), send).unwrap();
    (0..2).for_each(|_| go_on.send(()).unwrap());
    assert_eq!(results.recv().unwrap(), 7);
    orders.send(Command::Now).unwrap();
    assert_eq!(results.recv().unwrap(), 7);
    orders.send(Command::Now).unwrap();
    // This reading has begun once its order does not wait any more. The orders below come during it or before
    // it.
    (0..1000).for_each(|_| orders.send(Command::Now).unwrap());
    (0..1000).for_each(|_| go_on.send(()).unwrap());
    std::thread::sleep(Duration::from_millis(200));
    let readings = results.try_iter().count();
    assert!((1..=3).contains(&readings), "{readings} readings");
}

/// A slow list with a limit.
struct Limited(Slow, Duration);

impl Reader for Limited {
    fn limit(&self) -> Option<Duration> {
        Some(self.1)
    }

    fn read(&mut self) -> Result<FetchedList, Failure> {
        self.0.read()
    }
}

#[test]
fn a_reading_that_takes_too_long_is_reported_once_and_counts_when_it_comes() {
    let ((go_on, held), (sender, results)) = (mpsc::channel(), mpsc::channel());
    let send = move |result: ReadResult| {
        sender.send(result.reading.map(drop).unwrap_err().reason().as_str()).is_ok()
    };
    let reader = Limited(Slow(held), Duration::from_millis(50));
    let orders = start(0, "a list".to_owned(), Box::new(reader), Timing::of_file(LEASE), send).unwrap();
    for _ in 0..2 {
        assert_eq!(results.recv().unwrap(), "timeout");
        assert_eq!(results.recv_timeout(Duration::from_millis(200)), Err(RecvTimeoutError::Timeout));
        go_on.send(()).unwrap();
        assert_eq!(results.recv().unwrap(), "io", "the slow list's own answer");
        orders.send(Command::Now).unwrap();
    }
}

#[test]
fn a_reading_in_time_is_reported_alone() {
    let ((go_on, held), (sender, results)) = (mpsc::channel(), mpsc::channel());
    let send = move |result: ReadResult| {
        sender.send(result.reading.map(drop).unwrap_err().reason().as_str()).is_ok()
    };
    go_on.send(()).unwrap();
    let started = Instant::now();
    let reader = Limited(Slow(held), Duration::from_hours(1));
    let _orders = start(0, "a list".to_owned(), Box::new(reader), Timing::of_file(LEASE), send).unwrap();
    assert_eq!(results.recv().unwrap(), "io");
    assert!(started.elapsed() < Duration::from_mins(1), "it does not wait for its limit");
}

#[test]
fn orders_come_before_the_clock() {
    let (send, orders) = mpsc::channel();
    let far = || Instant::now().checked_add(Duration::from_hours(1));
    send.send(Command::Now).unwrap();
    assert!(wait(far(), &orders));
    send.send(Command::Within(Duration::from_millis(1))).unwrap();
    assert!(wait(far(), &orders));
    send.send(Command::Within(Duration::from_millis(1))).unwrap();
    assert!(wait(None, &orders), "a file is read again, too");
    assert!(wait(Some(Instant::now()), &orders));
    drop(send);
    assert!(!wait(far(), &orders));
}
