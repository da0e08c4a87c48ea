//! Tests of the server that no test of the client covers: the client does not show the framing.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use anyhow::Result;

use super::{Answer, Authority, Server};

/// Returns head and body of the answer.
fn fetch(server: &Server, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[test]
fn bodies_have_the_framing_of_their_answer() -> Result<()> {
    let server = Server::http()?;
    server.route("/chunked", [Answer::ok("0123456789").chunked().dripping(4, Duration::ZERO)]);
    assert_eq!(fetch(&server, "/chunked").1, "4\r\n0123\r\n4\r\n4567\r\n2\r\n89\r\n0\r\n\r\n");
    server.route("/close", [Answer::blanks(100_000).until_close()]);
    assert_eq!(fetch(&server, "/close").1.len(), 100_000);
    server.route("/claim", [Answer::ok("abc").claiming(99)]);
    assert!(fetch(&server, "/claim").0.ends_with("\r\nContent-Length: 99"));
    assert_eq!(server.sent(), 100_013);
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
