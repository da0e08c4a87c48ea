//! Clients that want too much of a server with TLS and passwords.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use d365_tests::{http, https::Authority, temp::TempDir};

use super::served::{HASH, Served};

/// `Authorization` for `scraper:right`.
const RIGHT: (&str, &str) = ("Authorization", "Basic c2NyYXBlcjpyaWdodA==");

fn with_password(more: &str) -> Served {
    Served::start(TempDir::new("web"), &format!("basic_auth_users: {{scraper: '{HASH}'}}\n{more}"))
}

fn status(served: &Served, headers: &[(&str, &str)]) -> u16 {
    http::get(served.tcp(), "/healthz", headers).unwrap().status
}

/// Sixteen clients at a time try a thousand passwords. A scraper whose password is known is answered in time
/// all the while, and the server stops in time.
#[test]
fn a_thousand_wrong_passwords_stop_nothing() {
    let mut served = with_password("");
    assert_eq!(status(&served, &[RIGHT]), 200);
    let is_over = AtomicBool::new(false);
    let slowest = thread::scope(|scope| {
        let scraper = scope.spawn(|| {
            let mut slowest = Duration::ZERO;
            while !is_over.load(Ordering::SeqCst) {
                let since = Instant::now();
                assert_eq!(status(&served, &[RIGHT]), 200);
                slowest = slowest.max(since.elapsed());
            }
            slowest
        });
        let clients: Vec<_> = (0..16)
            .map(|client| {
                let served = &served;
                scope.spawn(move || {
                    for number in (client..1000).step_by(16) {
                        // Half of the users exist.
                        let user = if number % 2 == 0 { "scraper" } else { "stranger" };
                        let (name, value) = basic(&format!("{user}:wrong{number}"));
                        assert_eq!(status(served, &[(name, &value)]), 401);
                    }
                })
            })
            .collect();
        clients.into_iter().for_each(|client| client.join().unwrap());
        is_over.store(true, Ordering::SeqCst);
        scraper.join().unwrap()
    });
    assert_eq!(served.failed("password"), 1000);
    assert!(slowest < Duration::from_secs(5), "a scrape took {slowest:?}");
    assert!(served.stop() < Duration::from_secs(3));
}

fn basic(credentials: &str) -> (&'static str, String) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::from("Basic ");
    for chunk in credentials.as_bytes().chunks(3) {
        let number = (0..3).fold(0, |number, at| number << 8 | usize::from(*chunk.get(at).unwrap_or(&0)));
        for place in 0..4 {
            let digit = char::from(DIGITS[number >> (18 - 6 * place) & 63]);
            encoded.push(if place <= chunk.len() { digit } else { '=' });
        }
    }
    ("Authorization", encoded)
}

#[test]
fn every_path_wants_the_password_and_every_answer_has_the_headers() {
    let served = with_password("http_server_config: {headers: {X-Frame-Options: deny}}\n");
    for path in ["/", "/metrics", "/healthz", "/readyz", "/nothing"] {
        for (headers, expected) in [
            (&[][..], 401),
            (&[("Authorization", "Bearer c2NyYXBlcjpyaWdodA==")], 401),
            (&[("Authorization", "Basic %%%")], 401),
            (&[("Authorization", "Basic")], 401),
            (&[("Authorization", "Basic c2NyYXBlcg==")], 401),
            (&[RIGHT], if path == "/nothing" { 404 } else { 200 }),
            (&[("authorization", "bAsIc c2NyYXBlcjpyaWdodA==")], if path == "/nothing" { 404 } else { 200 }),
        ] {
            let answer = http::get(served.tcp(), path, headers).unwrap();
            assert_eq!(answer.status, expected, "{path} {headers:?}");
            assert_eq!(answer.header("x-frame-options"), Some("deny"));
            let challenge = answer.header("www-authenticate").map(|value| value.starts_with("Basic realm="));
            assert_eq!(challenge, (expected == 401).then_some(true));
            assert!(expected != 401 || !answer.body.contains("d365_"), "{}", answer.body);
        }
    }
}

#[test]
fn requests_beyond_the_limit_get_429() {
    let served = Served::start(TempDir::new("web"), "rate_limit: {interval: 1h, burst: 3}\n");
    assert_eq!([(); 5].map(|()| status(&served, &[])), [200, 200, 200, 429, 429]);
    assert_eq!(served.failed("rate_limit"), 2);
}

/// Clients that begin no handshake hold every connection. The next client waits for 5 s at most, and a stop
/// does not wait for them.
#[test]
fn silent_clients_of_tls_do_not_keep_others_out() {
    let place = TempDir::new("web");
    let (certificate, key) = Authority::new().unwrap().issue_pem(&["127.0.0.1"]).unwrap();
    std::fs::write(place.file("s.pem"), certificate).unwrap();
    std::fs::write(place.file("s.key"), key).unwrap();
    let mut served = Served::start(place, "tls_server_config: {cert_file: s.pem, key_file: s.key}\n");
    let connect = || {
        let stream = TcpStream::connect(served.tcp()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    };
    let since = Instant::now();
    let mut silent: Vec<_> = (0..32).map(|_| connect()).collect();
    // The first bytes of a handshake's record, which stays incomplete.
    silent.iter_mut().step_by(2).for_each(|stream| stream.write_all(&[22, 3, 1]).unwrap());
    let mut plain = connect();
    plain.write_all(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    let waited = since.elapsed();
    assert!(!answer.starts_with(b"HTTP/"), "no answer without TLS: {answer:?}");
    assert!(waited >= Duration::from_secs(5) && waited < Duration::from_secs(15), "{waited:?}");
    // Those that are cut off, and plain HTTP.
    while served.failed("handshake") < 33 {
        assert!(since.elapsed() < Duration::from_secs(15), "{}", served.failed("handshake"));
        thread::sleep(Duration::from_millis(10));
    }
    let _still_silent: Vec<_> = (0..5).map(|_| connect()).collect();
    assert!(served.stop() < Duration::from_secs(3));
}
