//! A local user without any privilege: a running daemon protects its state from him.

use std::fs;

use d365_tests::{
    daemon::{Daemon, DaemonOptions, Exit},
    lab::Lab,
    mount::{Mount, View},
    netns::Netns,
    require,
    temp::{TempDir, TempFile},
};

use crate::{steps::source, updates::site::wait_until};

const STATE_IN_USE_OR_UNUSABLE: i32 = 11;

/// Runs a program as `nobody`: the daemon's binary unless another program is given.
fn as_nobody(netns: &Netns, view: &View, program: Option<&str>, arguments: &[&str]) -> Exit {
    let options = DaemonOptions { binary: program.map(Into::into), state: None, ..DaemonOptions::on(&[]) };
    Daemon::run(netns, &options.args(arguments.iter().copied()).nobody(&[]).view(view)).unwrap()
}

#[test]
fn he_changes_nothing_of_what_is_trusted_counted_or_attached() {
    require!(Root, Tool("ip"), Tool("bpftool"), Daemon);
    let lab = Lab::new().unwrap();
    let view = View::new(&lab.host, &[Mount::Sysfs, Mount::Bpffs]).unwrap();
    let (above, list) = (TempDir::new("local-user"), TempFile::new("list", "11.0.0.0/24,NAM\n"));
    let state = above.file("state").display().to_string();
    let options = DaemonOptions { state: None, ..DaemonOptions::on(&[lab.iface()]) }.view(&view);
    let options = options.args([
        "--state-dir",
        &state,
        "--ranges",
        &source(list.path()),
        "--tag",
        "mark",
        "--keep-attached",
    ]);
    let daemon = Daemon::start(&lab.host, &options).unwrap();
    // A removal waits that could be approved.
    fs::write(list.path(), "11.0.1.0/24,NAM\n").unwrap();
    let before = wait_until(&daemon, "a removal", |scrape| scrape.sum("d365_ranges_pending", &[]) == 1);

    let approve = as_nobody(&lab.host, &view, None, &["approve", "--yes", "--state-dir", &state]);
    assert_eq!(approve.status.code(), Some(STATE_IN_USE_OR_UNUSABLE), "{approve:?}");
    assert!(approve.stderr.contains("Permission denied"), "{approve:?}");
    let (iface, pid) = (lab.iface(), daemon.pid());
    for attempt in [
        format!("cat {state}/gate.json"),
        format!("echo x >{state}/approval.json"),
        format!("mv {state} {state}.old"),
        "ls /sys/fs/bpf/d365".to_owned(),
        "rmdir /sys/fs/bpf/d365".to_owned(),
        "bpftool map show".to_owned(),
        "bpftool prog show".to_owned(),
        format!("bpftool net detach xdp dev {iface}"),
        format!("ip link set dev {iface} xdp off"),
        format!("ip link set dev {iface} down"),
        format!("kill -TERM {pid}"),
        format!("kill -HUP {pid}"),
        format!("cat /proc/{pid}/environ"),
    ] {
        let exit = as_nobody(&lab.host, &view, Some("/bin/sh"), &["-c", &attempt]);
        let refused = ["Permission denied", "Operation not permitted", "not permitted"];
        assert!(!exit.status.success(), "{attempt}: {exit:?}");
        assert!(refused.iter().any(|words| exit.stderr.contains(words)), "{attempt}: {exit:?}");
    }
    // Any user can read the arguments of the daemon, as of any process.
    let exit = as_nobody(&lab.host, &view, Some("/bin/cat"), &[&format!("/proc/{pid}/cmdline")]);
    assert!(exit.status.success() && exit.stdout.contains(&state), "{exit:?}");

    assert_eq!(daemon.get("/readyz", &[]).unwrap().status, 200);
    let after = daemon.scrape().unwrap();
    for metric in ["d365_ranges", "d365_ranges_pending", "d365_attached", "d365_tag_attached"] {
        assert_eq!(after.sum(metric, &[]), before.sum(metric, &[]), "{metric}");
    }
    daemon.stop().unwrap();
}
