//! The unit with a state directory that is full, and on a root that is read-only.

use std::{fs, io::ErrorKind, path::Path};

use d365_tests::{https::Answer, lab::Lab, require, vendor::Documents};
use d365_user::gate::{GatePolicy, gates};

use super::{
    PATIENCE,
    host::{Download, Host, Readable, Undo, options, sh},
};
use crate::steps::{has_xdp, lines, until};

const STATE: &str = "/var/lib/d365";

/// Mounts a small file system at the state directory. It is gone after the unit.
fn small_disk() -> Undo {
    sh(&format!("mkdir -p {STATE} && mount -t tmpfs -o size=512k,mode=700 small {STATE}"));
    Undo(format!("umount {STATE} && rmdir {STATE}"))
}

/// The number of ranges that the gates in the state directory have accepted.
fn saved() -> usize {
    let gates = gates::look(Path::new(STATE), GatePolicy::default()).unwrap().unwrap_or_default();
    gates.values().map(|gate| gate.accepted().len()).sum()
}

#[test]
fn with_a_full_disk_the_daemon_starts_with_its_list_and_saves_when_there_is_room() {
    require!(Root, Systemd, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let download = Download::between([2020, 2200], &lab);
    let serve = |name: &str| download.server.route("/doc", [Answer::ok(Documents::Made.document(name))]);
    let _disk = small_disk();
    let flags =
        ["--ranges", &download.source(), "--refresh", "1s", "--confirm-after", "1s", "--lease", "never"];
    let options = options(&[lab.iface()]).args(flags);
    let host = Host::with(lab, &options);
    host.unit.set(&download.settings()).unwrap();
    serve("public-2025-cn376.json");
    host.start();
    let ranges = || host.sum("d365_ranges");
    let first = usize::try_from(ranges()).unwrap();
    until(20, || saved() == first, || host.unit.log());
    host.unit.systemctl("stop", &[]).unwrap();

    download.server.route("/doc", [Answer::status(503)]);
    let filler = Path::new(STATE).join("filler");
    assert_eq!(fs::write(&filler, vec![0; 1 << 20]).unwrap_err().kind(), ErrorKind::StorageFull);
    host.start();
    assert_eq!(usize::try_from(ranges()).unwrap(), first, "the list of the earlier daemon");
    serve("public-2026-cn398.json");
    host.unit.systemctl("reload", &[]).unwrap();
    let failures = |operation| {
        let scrape = host.unit.scrape().unwrap();
        scrape.count("d365_state_failures_total", &[("operation", operation)])
    };
    let has_failed = || ["gates", "document"].into_iter().all(|operation| failures(operation) > 0);
    until(60, has_failed, || host.unit.log());
    until(20, || usize::try_from(ranges()).unwrap() > first, || host.unit.log());
    assert!(host.unit.log().contains("cannot write /var/lib/d365/gate.json: No space left on device"));
    host.is("active");
    assert_eq!(saved(), first, "the file is whole");

    fs::remove_file(filler).unwrap();
    let second = usize::try_from(ranges()).unwrap();
    until(60, || saved() == second, || host.unit.log());
    download.server.route("/doc", [Answer::status(503)]);
    let pid = host.pid();
    host.unit.kill().unwrap();
    host.wait_for_the_next(pid);
    assert_eq!(usize::try_from(ranges()).unwrap(), second);
}

#[test]
fn without_room_for_a_private_directory_the_unit_starts_later() {
    require!(Root, Systemd, Tool("ip"), Daemon);
    let host = Host::new(&[]);
    {
        let _full = Undo("umount /var/tmp".to_owned());
        // The root of that file system is the only file for which it has room.
        sh("mount -t tmpfs -o nr_inodes=1 full /var/tmp");
        host.unit.systemctl("start", &[]).unwrap_err();
        let journal = host.journal_of(&host.property("InvocationID"));
        assert!(journal.contains("No space left on device"), "{journal}");
        assert!(!has_xdp(&host.lab.host, host.lab.iface()));
    }
    until(60, || has_xdp(&host.lab.host, host.lab.iface()), || host.unit.log());
    host.unit.wait_until_ready(PATIENCE).unwrap();
}

/// A root that is read-only until this value is dropped, with a `/tmp` and a `/run` in memory.
fn read_only_root() -> Undo {
    let undo = Undo("mount -o remount,rw /; umount /tmp && journalctl --flush".to_owned());
    // The journal would keep its files open.
    sh("journalctl --relinquish-var && mount -t tmpfs tmp /tmp && mount -o remount,ro /");
    assert_eq!(fs::write("/etc/d365-probe", "").unwrap_err().kind(), ErrorKind::ReadOnlyFilesystem);
    undo
}

#[test]
fn on_a_read_only_root_the_daemon_works_and_saves_nothing() {
    require!(Root, Systemd, Tool("ip"), Daemon);
    let list = Readable::new("d365-list", &lines(0..1, "NAM"));
    let host = Host::new(&["--ranges", "embedded", "--ranges", &list.source()]);
    // systemd can make neither directory (systemd.exec(5)).
    for (directory, mode, status) in
        [(STATE, "700", "238/STATE_DIRECTORY"), ("/var/cache/d365", "755", "239/CACHE_DIRECTORY")]
    {
        {
            let _root = read_only_root();
            host.unit.systemctl("start", &[]).unwrap_err();
            let journal = host.journal_of(&host.property("InvocationID"));
            host.unit.systemctl("stop", &[]).unwrap();
            assert!(journal.contains(status), "{journal}");
            assert!(!has_xdp(&host.lab.host, host.lab.iface()));
        }
        sh(&format!("install -d -m {mode} -o d365 -g d365 {directory}"));
    }
    let under_traffic = || {
        let pid = host.pid();
        host.under_traffic(|| {
            host.unit.kill().unwrap();
            host.wait_for_the_next(pid);
        });
    };
    {
        let _root = read_only_root();
        host.start();
        let journal = host.journal_of(&host.property("InvocationID"));
        assert!(journal.contains("warning: cannot write /var/lib/d365: Read-only file system"), "{journal}");
        let failures = || host.sum("d365_state_failures_total");
        until(20, || failures() > 0, || host.unit.log());
        assert!(host.unit.log().contains("Read-only file system"), "{}", host.unit.log());
        under_traffic();
        host.unit.systemctl("stop", &[]).unwrap();
    }
    let _state = small_disk();
    let _root = read_only_root();
    host.start();
    until(20, || saved() == 1, || host.unit.log());
    under_traffic();
    assert_eq!(host.sum("d365_state_failures_total"), 0);
    host.unit.systemctl("stop", &[]).unwrap();
}
