//! `--keep-attached`: pins keep programs and counters without a service manager, and `detach` removes them.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use d365_tests::{
    daemon::{self, Daemon, DaemonOptions},
    lab::{Lab, LabOptions},
    mount::{Mount, View},
    nft,
    raw::FrameSender,
    require,
};
use d365_user::exit::Exit;
use nix::sys::signal::Signal;

use super::{counts, frames};
use crate::{
    bad_input::refused,
    steps::{has_xdp, knock, until},
};

const DIRECTORY: &str = "/sys/fs/bpf/d365";

fn pinned(view: &View) -> usize {
    view.run(|| fs::read_dir(DIRECTORY).map_or(0, Iterator::count))
}

/// The exit code and the output of `d365-user detach`.
fn detach(view: &View) -> (Option<i32>, String) {
    let mut command = Command::new(daemon::binary().unwrap());
    command.arg("detach");
    let output = view.run(|| command.env_clear().output().unwrap());
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn pins_keep_programs_and_counters_until_they_are_removed() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let view = View::new(&lab.host, &[Mount::Sysfs, Mount::Bpffs]).unwrap();
    let options = DaemonOptions::on(&[lab.iface()]).args(["--keep-attached"]).view(&view);
    assert_eq!(detach(&view), (Some(0), format!("nothing is pinned in {DIRECTORY}\n")));
    let sender = FrameSender::on(&lab.link().sender).unwrap();
    let [listed, ..] = frames(lab.link());
    for (round, end) in (0..).zip([Signal::SIGTERM, Signal::SIGKILL, Signal::SIGTERM]) {
        let daemon = Daemon::start(&lab.host, &options).unwrap();
        assert_eq!(counts(&daemon.scrape().unwrap())[0], 2 * round);
        sender.send_bytes(&listed).unwrap();
        let has_counted = || counts(&daemon.scrape().unwrap())[0] == 2 * round + 1;
        until(10, has_counted, || daemon.log());
        let (code, text) = detach(&view);
        assert!(code == Some(10) && text.contains("another d365-user uses"), "{code:?}: {text}");
        daemon.stop_by(end).unwrap();
        assert!(has_xdp(&lab.host, lab.iface()));
        // No daemon runs, and the program counts.
        sender.send_bytes(&listed).unwrap();
    }
    assert_eq!(pinned(&view), 5);
    let (code, text) = detach(&view);
    assert!(code == Some(0) && text.starts_with("removed from"), "{code:?}: {text}");
    // The kernel detaches a link in deferred work after its last pin is gone (`bpf_link_put`).
    until(10, || !has_xdp(&lab.host, lab.iface()), || "a program".to_owned());
    assert_eq!((pinned(&view), detach(&view).0), (0, Some(0)));
}

/// The programs stay, and drop nothing.
#[test]
fn a_start_that_is_stopped_drops_nothing() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon);
    let lab = Lab::with(LabOptions { links: 16, ..LabOptions::default() }).unwrap();
    let view = View::new(&lab.host, &[Mount::Sysfs, Mount::Bpffs]).unwrap();
    let names: Vec<&str> = lab.links.iter().map(|link| link.host.name.as_str()).collect();
    let options =
        DaemonOptions::on(&names).args(["--keep-attached", "--unlisted", "drop", "--lease", "never"]);
    let options = options.view(&view);
    let rules = "table inet d365 {
        counter smtp { }
        chain in { type filter hook prerouting priority raw; tcp dport 25 counter name smtp; }
    }";
    nft::load(&lab.host, rules).unwrap();
    let first = &lab.links[0];
    for _ in 0..20 {
        let daemon = Daemon::spawn(&lab.host, &options).unwrap();
        until(10, || has_xdp(&lab.host, &first.host.name), || daemon.log());
        let exit = daemon.stop_by(Signal::SIGTERM).unwrap();
        if exit.stderr.contains("stopping while starting") {
            assert!(has_xdp(&lab.host, &first.host.name));
            knock(first, &["198.51.100.7"; 5]);
            let arrived = || nft::packets(&lab.host, "inet d365", "smtp").unwrap();
            until(10, || arrived() == 5, || format!("{} packets of 5", arrived()));
            return;
        }
        detach(&view);
    }
    panic!("no start was stopped in time");
}

#[test]
fn pins_are_refused_where_others_may_exchange_them() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let view = View::new(&lab.host, &[Mount::Sysfs, Mount::Bpffs]).unwrap();
    let options = DaemonOptions::on(&[lab.iface()]).args(["--keep-attached"]).view(&view);
    view.run(|| {
        fs::create_dir(DIRECTORY).unwrap();
        fs::set_permissions(DIRECTORY, fs::Permissions::from_mode(0o777)).unwrap();
    });
    refused(&lab.host, &options, Exit::Attach, &[DIRECTORY, "may be written to by", "--pin-dir"]);
    let (code, text) = detach(&view);
    assert!(code == Some(10) && text.contains("may be written to by"), "{code:?}: {text}");

    let without = DaemonOptions::on(&[lab.iface()]).args(["--keep-attached"]);
    refused(&lab.host, &without, Exit::Attach, &["no bpffs at", "--pin-dir"]);
}
