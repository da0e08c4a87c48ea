//! Tests of stopping: unfinished answers are completed, other connections are not waited for.

use std::io::{Read as _, Write as _};

use super::{Answer, Duration, GRACE, Ordering, Server, SnapshotSource as _, Source, thread};

/// More than the rest of a stop takes on a busy machine.
const SLACK: Duration = Duration::from_secs(2);

#[test]
fn a_scrape_in_flight_is_answered() {
    let mut server = Server::start(Source::closed());
    let mut stream = server.connect();
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    server.source.wait_inside(1);
    server.stop();
    thread::sleep(Duration::from_millis(200));
    server.source.open();
    let answer = Answer::read(stream);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-length"), Some(&*answer.body.len().to_string()));
    assert!(server.wait() < SLACK);
}

#[test]
fn silent_clients_are_not_waited_for() {
    let mut server = Server::start(Source::default());
    let mut silent: Vec<_> = (0..5).map(|_| server.connect()).collect();
    // This answer comes after them: the server has accepted all of them.
    assert_eq!(server.get("/healthz").status, 200);
    server.stop();
    assert!(server.wait() < SLACK);
    for stream in &mut silent {
        assert_eq!(stream.read(&mut [0; 1]).unwrap_or(0), 0, "closed without an answer");
    }
}

#[test]
fn half_a_request_is_cut_off_in_time() {
    let mut server = Server::start(Source::default());
    let mut stream = server.connect();
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: local").unwrap();
    assert_eq!(server.get("/healthz").status, 200);
    server.stop();
    assert!(server.wait() < GRACE + SLACK);
}

#[test]
fn a_snapshot_that_hangs_is_cut_off_in_time() {
    let mut server = Server::start(Source::closed());
    let mut stream = server.connect();
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    server.source.wait_inside(1);
    server.stop();
    let took = server.wait();
    assert!(took > GRACE / 2 && took < GRACE + SLACK, "{took:?}");
    assert!(server.source.inside.load(Ordering::SeqCst) == 1, "it still hangs");
    server.source.open();
    assert!(server.source.snapshot().is_ok());
}
