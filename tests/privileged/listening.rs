//! The HTTP server's address. Mail traffic never waits for it.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use d365_tests::{daemon::Daemon, lab::Lab, require};

use crate::steps::{has_xdp, on, started, stop};

/// At boot, the daemon may start before the network is configured. It works at once, and answers as soon as
/// the address exists.
#[test]
fn an_address_that_comes_later_is_answered_then() {
    require!(Root, Tool("ip"), Daemon);
    for (listen, address) in
        [("192.0.2.99:9365", "192.0.2.99/32"), ("[2001:db8::99]:9365", "2001:db8::99/128")]
    {
        let lab = Lab::new().unwrap();
        let listen: SocketAddr = listen.parse().unwrap();
        let mut daemon = Daemon::spawn(&lab.host, &on(&lab, &[]).listen(listen)).unwrap();
        daemon.wait_for_log(&format!("metrics url=http://{listen}"), Duration::from_secs(30)).unwrap();
        assert!(has_xdp(&lab.host, lab.iface()));
        assert!(daemon.get("/readyz", &[]).is_err());
        lab.host.ip(&["address", "add", address, "dev", "lo"]).unwrap();
        daemon.wait_until_ready(Duration::from_secs(20)).unwrap();
        let scrape = daemon.scrape().unwrap();
        assert_eq!(scrape.count("d365_http_failures_total", &[("reason", "address")]), 1);
        assert_eq!(scrape.sum("d365_http_failures_total", &[]), 1);
        assert_eq!(daemon.log().matches("does not have that address yet").count(), 1, "{}", daemon.log());
        // A floating address is removed and added again.
        lab.host.ip(&["address", "del", address, "dev", "lo"]).unwrap();
        assert!(daemon.get("/readyz", &[]).is_err());
        lab.host.ip(&["address", "add", address, "dev", "lo"]).unwrap();
        daemon.wait_until_ready(Duration::from_secs(20)).unwrap();
        stop(daemon);
    }
}

/// One request uses a foreign host name, another a name that the operator allows.
#[test]
fn on_loopback_only_names_of_this_host_are_answered() {
    require!(Root, Tool("ip"), Daemon);
    let (lab, daemon) = started(&["--allow-http-host", "mx1.example"]);
    let status = |host: &str| {
        let mut stream = lab.host.run(|| TcpStream::connect("127.0.0.1:9365")).unwrap();
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer[9..12].to_owned()
    };
    for (host, expected) in [
        ("127.0.0.1:9365", "200"),
        ("localhost:9365", "200"),
        ("[::1]:9365", "200"),
        ("mx1.example", "200"),
        ("evil.example:9365", "421"),
        ("user@localhost", "400"),
    ] {
        assert_eq!(status(host), expected, "{host}");
    }
    let scrape = daemon.scrape().unwrap();
    assert_eq!(scrape.count("d365_http_failures_total", &[("reason", "host")]), 2);
    assert_eq!(daemon.log().matches("an HTTP request was refused").count(), 1, "{}", daemon.log());
    stop(daemon);
}
