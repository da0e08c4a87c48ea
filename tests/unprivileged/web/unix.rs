//! A Unix socket: its mode, its file, and what is in the way.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        net::{UnixDatagram, UnixListener, UnixStream},
    },
    path::Path,
};

use d365_tests::temp::TempDir;
use d365_user::{
    http::{Failures, Listeners},
    settings::Listen,
};

use super::served::Served;

fn listen(path: &Path) -> Listen {
    Listen::Unix(path.to_owned())
}

/// The error of a server that cannot listen there. The file has to stay as it is.
fn refusal(path: &Path) -> String {
    let before = fs::symlink_metadata(path).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _guard = runtime.enter();
    let error = Listeners::open(&listen(path), &Failures::default()).err().expect("it is in the way");
    assert_eq!(fs::symlink_metadata(path).unwrap().ino(), before.ino());
    error.to_string()
}

fn get(path: &Path) -> String {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: any.example\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn it_is_served_for_owner_and_group_and_removed_at_the_end() {
    let place = TempDir::new("run");
    let path = place.file("metrics.sock");
    let mut served = Served::on(listen(&path), TempDir::new("web"), "{}");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    assert!(get(&path).starts_with("HTTP/1.1 200 "));
    assert!(refusal(&path).contains("another process listens there"));
    assert!(get(&path).starts_with("HTTP/1.1 200 "), "the probe did no harm");
    served.stop();
    assert!(!path.exists());
}

#[test]
fn a_stale_socket_is_replaced_and_nothing_else() {
    let place = TempDir::new("run");
    let path = place.file("metrics.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "a killed daemon leaves it");
    let mut served = Served::on(listen(&path), TempDir::new("web"), "{}");
    assert!(get(&path).starts_with("HTTP/1.1 200 "));
    // Another file takes its place: the end of the server leaves that alone.
    fs::remove_file(&path).unwrap();
    fs::write(&path, "precious").unwrap();
    served.stop();
    assert!(refusal(&path).contains("no socket"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    let link = place.file("link.sock");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(refusal(&link).contains("no socket"));
    let datagram = place.file("datagram.sock");
    let _other = UnixDatagram::bind(&datagram).unwrap();
    refusal(&datagram);
}
