//! Sockets that systemd owns, by the unit in `docs/serve.md`.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
};

use d365_tests::{http, lab::Lab, page, require};

use super::{
    super::objects::Objects,
    host::{Host, Undo, options, sh},
};
use crate::steps::until;

const SOCKET: &str = "/run/systemd/system/d365.socket";
const UNIX: &str = "/run/d365/metrics.sock";
const REQUEST: &str = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// The socket unit of the page, in the namespace of this lab.
fn socket(lab: &Lab) -> Undo {
    let undo = Undo(format!(
        "systemctl stop d365.socket; rm -rf {SOCKET} {SOCKET}.d /run/d365; systemctl daemon-reload"
    ));
    fs::write(SOCKET, page::block("serve.md", "# /etc/systemd/system/d365.socket").unwrap()).unwrap();
    fs::create_dir_all(format!("{SOCKET}.d")).unwrap();
    let place = format!("[Socket]\nNetworkNamespacePath={}\n", lab.host.path());
    fs::write(format!("{SOCKET}.d/test.conf"), place).unwrap();
    sh("systemctl daemon-reload && systemctl start d365.socket");
    undo
}

/// A connection waits for the daemon from its start on, and over a restart.
#[test]
fn the_metrics_are_served_on_the_sockets_of_systemd_also_over_a_restart() {
    require!(Root, Systemd, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let other: SocketAddr = "127.0.0.1:9401".parse().unwrap();
    let options = options(&[lab.iface()]).listen(other);
    let host = Host::with(lab, &options);
    let _socket = socket(&host.lab);
    let address: SocketAddr = "127.0.0.1:9365".parse().unwrap();
    let connect = |to: SocketAddr| host.lab.host.run(|| TcpStream::connect(to));
    let answer = |mut to: TcpStream| {
        let mut text = String::new();
        to.read_to_string(&mut text).unwrap();
        text
    };
    let ask = || {
        let mut stream = connect(address).unwrap();
        stream.write_all(REQUEST.as_bytes()).unwrap();
        stream
    };
    host.is("inactive");
    let text = answer(ask());
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    let is_ready = || {
        let response = host.lab.host.run(|| http::get(address, "/readyz", &[]));
        response.is_ok_and(|response| response.status == 200)
    };
    until(60, is_ready, || host.unit.log());
    host.is("active");
    assert!(host.unit.log().contains("sockets of the service manager are used, not --listen"));
    assert!(connect(other).is_err(), "--listen has no effect");
    assert_eq!(fs::metadata(UNIX).unwrap().permissions().mode() & 0o777, 0o660);
    let mut unix = UnixStream::connect(UNIX).unwrap();
    unix.write_all(REQUEST.as_bytes()).unwrap();
    let mut text = String::new();
    unix.read_to_string(&mut text).unwrap();
    assert!(text.contains("d365_attached{"), "{text}");

    let (pid, links) = (host.pid(), Objects::held_by(host.pid()).links);
    host.unit.systemctl("restart", &["--no-block"]).unwrap();
    until(30, || host.unit.pid().unwrap().is_none_or(|new| new != pid), || host.unit.log());
    let text = answer(ask());
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    until(60, is_ready, || host.unit.log());
    assert_ne!(host.pid(), pid);
    assert_eq!(Objects::held_by(host.pid()).links, links, "the descriptor store works, too");
}
