//! A control group without enough memory for the maps.

use d365_tests::{cgroup::MemoryGroup, daemon, daemon::DaemonOptions, lab::Lab, require};
use d365_user::exit::Exit;

use crate::bad_input::refused;

/// Options that start the daemon in the group.
fn inside(group: &MemoryGroup, lab: &Lab) -> DaemonOptions {
    let binary = daemon::binary().unwrap();
    let enter = format!("echo $$ > {} && exec \"$0\" \"$@\"", group.processes().display());
    let mut options = DaemonOptions::on(&[]);
    options.binary = Some("sh".into());
    options.args(["-c", &enter, binary.to_str().unwrap(), "--iface", lab.iface()])
}

/// The kernel's own error contains only that it cannot allocate memory. The daemon names the limit and the
/// flags.
#[test]
fn the_limit_and_the_flags_are_named() {
    require!(Root, Tool("ip"), MemoryGroup, Kernel(5, 11, "maps count towards control groups"), Daemon);
    let lab = Lab::new().unwrap();
    let group = MemoryGroup::new(96 << 20).unwrap();
    let name = group.name();
    let words = [
        "TABLES",
        "os error 12",
        &name,
        "98304 KiB of memory (memory.",
        "MemoryMax=",
        "--max-pages",
        "--max-ranges",
    ];
    // 512 MiB of pages.
    refused(&lab, &inside(&group, &lab).args(["--max-pages", "262144"]), Exit::Resources, &words);
    let daemon = daemon::Daemon::start(&lab.host, &inside(&group, &lab)).unwrap();
    assert_eq!(daemon.stop().unwrap().status.code(), Some(0));
}
