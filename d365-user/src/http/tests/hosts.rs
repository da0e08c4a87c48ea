//! Tests of requests by other names than this server's, on every path. A browser sends such requests in an
//! attack by DNS rebinding.

use std::io::Write as _;

use super::{Answer, Server, Source};

fn raw(server: &Server, request: &str) -> Answer {
    let mut stream = server.connect();
    stream.write_all(request.as_bytes()).unwrap();
    Answer::read(stream)
}

#[test]
fn a_strangers_name_is_misdirected_whatever_is_asked_for() {
    let server = Server::start(Source::default());
    for path in ["/", "/metrics", "/healthz", "/readyz", "/else"] {
        let answer = raw(&server, &format!("GET {path} HTTP/1.1\r\nHost: evil.example:9365\r\n\r\n"));
        assert_eq!((answer.status, answer.body.lines().count()), (421, 1), "{path}: {answer:?}");
        assert!(answer.body.contains("--allow-http-host") && !answer.body.contains("d365_"), "{answer:?}");
    }
    let absolute = "GET http://evil.example/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(raw(&server, absolute).status, 421);
    assert_eq!(raw(&server, "POST /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n").status, 421);
    assert_eq!(server.failures.counted()[3], ("host", 7));
    assert_eq!(server.source.most.load(super::Ordering::SeqCst), 0, "no counter was read");
}

#[test]
fn a_request_has_one_host() {
    let server = Server::start(Source::default());
    for (request, status) in [
        ("GET /metrics HTTP/1.1\r\n\r\n", 400),
        ("GET /metrics HTTP/1.1\r\nHost:\r\n\r\n", 400),
        ("GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", 400),
        ("GET /metrics HTTP/1.1\r\nHost: localhost evil.example\r\n\r\n", 400),
        ("GET /metrics HTTP/1.1\r\nHost: \u{7f}\r\n\r\n", 400),
        ("GET /metrics HTTP/1.0\r\n\r\n", 200),
        ("GET http://127.0.0.1/metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 200),
        ("GET /metrics HTTP/1.1\r\nhost: LocalHost:9365\r\n\r\n", 200),
        ("OPTIONS * HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
        ("CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n", 421),
    ] {
        assert_eq!(raw(&server, request).status, status, "{request:?}");
    }
}

/// The names that Prometheus uses in `static_configs`.
#[test]
fn scrapes_by_the_usual_names_are_answered() {
    let server = Server::start(Source::default());
    for host in ["127.0.0.1:9365", "localhost:9365", "[::1]:9365"] {
        let answer = raw(&server, &format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert!(answer.status == 200 && answer.body.contains("\nd365_generation 0\n"), "{host}: {answer:?}");
    }
    assert_eq!(server.failures.counted()[3], ("host", 0));
}
