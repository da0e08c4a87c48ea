//! Tests that the server answers as a test demands.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use anyhow::Result;

use super::{Answer, Authority, Proxy, Server};

/// Returns all text that the server sent, and the kind of the error if the connection ended with one.
fn exchange(server: &Server, request: &str) -> (String, Result<(), std::io::ErrorKind>) {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let end = stream.read_to_end(&mut answer).map(drop).map_err(|error| error.kind());
    (String::from_utf8(answer).unwrap(), end)
}

fn body(server: &Server, path: &str) -> String {
    let (answer, end) = exchange(server, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
    end.unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[test]
fn routes_are_answered_in_turn() -> Result<()> {
    let server = Server::http()?;
    server.route("/a?b", [Answer::ok("one"), Answer::ok("two")]);
    assert_eq!([(); 3].map(|()| body(&server, "/a?b")), ["one", "two", "two"]);
    assert_eq!(body(&server, "/"), "status 404\n");
    assert_eq!((server.count("/a?b"), server.received().len()), (3, 4));
    assert_eq!(server.received()[0].header("host"), Some("x"));
    Ok(())
}

#[test]
fn bodies_are_framed_as_told() -> Result<()> {
    let server = Server::http()?;
    server.route("/chunked", [Answer::ok("0123456789").chunked().dripping(4, Duration::ZERO)]);
    assert_eq!(body(&server, "/chunked"), "4\r\n0123\r\n4\r\n4567\r\n2\r\n89\r\n0\r\n\r\n");
    server.route("/close", [Answer::blanks(100_000).until_close()]);
    assert_eq!(body(&server, "/close").len(), 100_000);
    server.route("/claim", [Answer::ok("abc").claiming(99)]);
    assert!(exchange(&server, "GET /claim HTTP/1.1\r\n\r\n").0.contains("Content-Length: 99\r\n"));
    assert_eq!(server.sent(), 100_013);
    Ok(())
}

#[test]
fn what_is_known_is_not_sent_again() -> Result<()> {
    let server = Server::http()?;
    server.route("/", [Answer::ok("x").header("ETag", "\"1\"").header("Last-Modified", "then")]);
    for (condition, status) in [
        ("If-None-Match: \"1\"", "304"),
        ("If-None-Match: \"2\"", "200"),
        ("If-Modified-Since: then", "304"),
        ("X: y", "200"),
    ] {
        let (answer, _) = exchange(&server, &format!("GET / HTTP/1.1\r\n{condition}\r\n\r\n"));
        assert_eq!(answer.split(' ').nth(1), Some(status), "{condition}");
    }
    Ok(())
}

#[test]
fn a_connection_can_be_reset() -> Result<()> {
    let server = Server::http()?;
    server.route("/", [Answer::ok("0123456789").reset_after(4)]);
    let (answer, end) = exchange(&server, "GET / HTTP/1.1\r\n\r\n");
    assert!(answer.ends_with("\r\n\r\n0123"), "{answer}");
    assert_eq!(end, Err(std::io::ErrorKind::ConnectionReset));
    Ok(())
}

#[test]
fn a_silent_server_can_be_stopped() -> Result<()> {
    let server = Server::https(&Authority::new()?.issue(&["localhost"])?)?;
    let plain = Server::http()?;
    plain.route("/", [Answer::silence()]);
    let waiting = [server.address(), plain.address()].map(|address| TcpStream::connect(address).unwrap());
    (&waiting[1]).write_all(b"GET / HTTP/1.1\r\n\r\n")?;
    drop((server, plain));
    for mut stream in waiting {
        assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
    }
    Ok(())
}

#[test]
fn a_proxy_leads_every_name_to_its_server() -> Result<()> {
    let server = Server::http()?;
    server.route("/", [Answer::ok("here")]);
    let proxy = Proxy::to(server.address())?;
    let mut stream = TcpStream::connect(proxy.url().trim_start_matches("http://"))?;
    stream.write_all(b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\nGET / HTTP/1.1\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    assert!(answer.starts_with("HTTP/1.1 200 Connected\r\n\r\nHTTP/1.1 200 "), "{answer}");
    assert!(answer.ends_with("here"), "{answer}");
    assert_eq!(proxy.asked(), ["a.example:443"]);
    Ok(())
}
