//! Tests of clients that want too much.

use std::io::{ErrorKind, Read as _, Write as _};

use super::{Answer, Arc, Duration, Instant, Ordering, Server, Source, thread};

#[test]
fn scrapes_are_taken_one_at_a_time() {
    let server = Arc::new(Server::start(Source::closed()));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let server = Arc::clone(&server);
            thread::spawn(move || server.get("/metrics").status)
        })
        .collect();
    server.source.wait_inside(1);
    // Other scrapes would have come by now. A request that needs no snapshot does not wait.
    assert_eq!(server.get("/healthz").status, 200);
    thread::sleep(Duration::from_millis(200));
    server.source.open();
    for client in clients {
        assert_eq!(client.join().unwrap(), 200);
    }
    assert_eq!(server.source.most.load(Ordering::SeqCst), 1);
}

/// The silent clients hold all connections. The next client waits until the time for their heads is over,
/// both for those that sent a part of a head and for those that sent nothing.
#[test]
fn silent_clients_do_not_keep_others_out() {
    let server = Server::start(Source::default());
    let since = Instant::now();
    let mut silent: Vec<_> = (0..40).map(|_| server.connect()).collect();
    for half in silent.iter_mut().step_by(2) {
        write!(half, "GET /metrics HTTP/1.1\r\nHost: local").unwrap();
    }
    assert_eq!(server.get("/metrics").status, 200);
    let waited = since.elapsed();
    assert!(waited >= Duration::from_secs(5), "others wait: {waited:?}");
    assert!(waited < Duration::from_secs(15), "{waited:?}");
    for stream in &mut silent[..32] {
        // Data that was sent and not read resets a connection that is closed.
        match stream.read(&mut [0; 1]) {
            Ok(read) => assert_eq!(read, 0, "closed without an answer"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
    }
}

#[test]
fn one_answer_a_connection() {
    let server = Server::start(Source::default());
    let answer = server.request("GET", "/healthz", "Connection: keep-alive\r\n");
    assert_eq!((answer.header("connection"), &*answer.body), (Some("close"), "ok\n"));
    let mut stream = server.connect();
    write!(stream, "GET /healthz HTTP/1.0\r\n\r\nGET /metrics HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!(Answer::read(stream).body, "ok\n");
}

#[test]
fn a_head_has_a_largest_size() {
    let server = Server::start(Source::default());
    let mut stream = server.connect();
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(64 * 1024))
        .unwrap_or_default();
    // The server closes with bytes unread, so that the connection may be reset before the answer is read.
    let mut answer = String::new();
    match stream.read_to_string(&mut answer) {
        Ok(_) => assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    assert_eq!(server.get("/healthz").status, 200);
}
