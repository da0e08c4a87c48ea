//! A reload by systemd.

use std::{fs::OpenOptions, io::Write as _, os::unix::fs::OpenOptionsExt as _};

use d365_tests::require;
use nix::libc::O_NONBLOCK;

use super::{
    super::objects::Objects,
    host::{Host, Readable, sh},
};
use crate::steps::{lines, until};

/// The list becomes a pipe, from which the daemon reads nothing until somebody writes. A reload lasts until
/// then.
#[test]
fn a_reload_reads_the_lists_and_leaves_everything_attached() {
    require!(Root, Systemd, Tool("ip"), Daemon);
    let list = Readable::new("d365-list", &lines(0..1, "NAM"));
    let host = Host::new(&["--ranges", "embedded", "--ranges", &list.source()]);
    host.start();
    let (pid, links) = (host.pid(), Objects::held_by(host.pid()).links);
    let ranges = host.sum("d365_ranges");
    sh(&format!("rm {0} && mkfifo -m 644 {0}", list.path));
    // A pipe can be opened in this way only while somebody reads it.
    let answer = |count| {
        let pipe = OpenOptions::new().write(true).custom_flags(O_NONBLOCK).open(&list.path);
        if let Ok(mut pipe) = pipe {
            pipe.write_all(lines(0..count, "NAM").as_bytes()).unwrap();
        }
    };
    let state = || host.property("ActiveState");
    host.under_traffic(|| {
        for count in 2..4 {
            host.unit.systemctl("reload", &["--no-block"]).unwrap();
            until(10, || state() == "reloading", || host.unit.log());
            let is_read = || {
                answer(count);
                state() == "active" && host.sum("d365_ranges") == ranges + u64::from(count) - 1
            };
            until(20, is_read, || host.unit.log());
        }
    });
    assert_eq!((host.pid(), Objects::held_by(pid).links), (pid, links), "the daemon and its links");
}
