//! Input that the daemon must reject: it logs one clear line, exits with the documented code, and leaves the
//! interface unchanged.

use std::process::Command;

use d365_tests::{
    credentials::capability::{BPF, NET_ADMIN, PERFMON},
    daemon::{self, Daemon, DaemonOptions},
    lab::{Lab, LabOptions},
    mount::{Mount, View},
    netns::Netns,
    require,
    seccomp::{BpfFault, command},
};
use d365_user::{
    exit::Exit,
    kernel::{AttachError, Interface, Kernel, OBJECT},
    settings::ModePolicy,
};
use nix::errno::Errno;

use crate::judged::options;

/// Runs a daemon that must not start. Its only error line must contain all of `words`, and every interface of
/// the lab must be unchanged.
pub(crate) fn refused(lab: &Lab, options: &DaemonOptions, exit: Exit, words: &[&str]) {
    refused_in(&lab.host, options, exit, words);
}

/// Does the same in any namespace.
pub(crate) fn refused_in(netns: &Netns, options: &DaemonOptions, exit: Exit, words: &[&str]) {
    let links = || {
        let text = netns.ip(&["-d", "link"]).unwrap();
        // The lines of a bridge and of its ports contain timers, which change with time.
        text.lines().filter(|line| !line.contains("_timer")).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = links();
    let ended = Daemon::run(netns, options).unwrap();
    assert_eq!(ended.status.code(), Some(i32::from(exit.code())), "{}", ended.stderr);
    let [line] = ended.errors()[..] else { panic!("one line of error in:\n{}", ended.stderr) };
    for word in words {
        assert!(line.contains(word), "`{word}` is not in: {line}");
    }
    assert_eq!(links(), before);
}

#[test]
fn no_such_interface() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    refused(&lab, &DaemonOptions::on(&["nowhere0"]), Exit::Interface, &["nowhere0", "ip -br link"]);
    let options = DaemonOptions::on(&[lab.iface(), "nowhere0"]);
    refused(&lab, &options, Exit::Interface, &["nowhere0"]);
    // The error is shown whatever the log's filter hides.
    for filter in ["off", "[scrape]=info", "[scrape{peer=(]}]=info"] {
        refused(&lab, &options.clone().args(["--log-level", filter]), Exit::Interface, &["nowhere0"]);
    }
}

#[test]
fn not_privileged() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let on = DaemonOptions::on(&[lab.iface()]);
    let all = ["CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN", "run as root"];
    refused(&lab, &on.clone().nobody(&[]), Exit::Privilege, &all);
    refused(&lab, &on.nobody(&[NET_ADMIN]), Exit::Privilege, &["CAP_PERFMON, CAP_BPF missing"]);
}

#[test]
fn another_program_on_the_interface() {
    require!(Root, Tool("ip"), Tool("xdp-filter"), Daemon);
    for (mode, off) in [("native", " xdp off`"), ("skb", " xdpgeneric off`")] {
        let lab = Lab::new().unwrap();
        let view = View::new(&lab.host, &[Mount::Bpffs, Mount::EmptyRun]).unwrap();
        let mut load = Command::new("xdp-filter");
        load.args(["load", "--mode", mode, lab.iface()]);
        view.give_to(&mut load);
        lab.host.output(&mut load).unwrap();
        let shown = lab.host.ip(&["-d", "link", "show", "dev", lab.iface()]).unwrap();
        let id = shown.split("prog/xdp id ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
        for own in ["auto", "native", "generic"] {
            let options = DaemonOptions::on(&[lab.iface()]).args(["--mode", own]);
            let words = [lab.iface(), "xdp", &format!("id {id}"), "left as it is", off];
            refused(&lab, &options, Exit::Occupied, &words);
        }
    }
}

#[test]
fn a_second_daemon_on_the_interface() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let first = Daemon::start(&lab.host, &DaemonOptions::on(&[lab.iface()])).unwrap();
    let options = DaemonOptions::on(&[lab.iface()]).listen("127.0.0.1:9366".parse().unwrap());
    refused(&lab, &options, Exit::Occupied, &[lab.iface(), "d365", "`bpftool link`"]);
    let unnamed = DaemonOptions::on(&[lab.iface()]).listen("127.0.0.1:9366".parse().unwrap());
    let unnamed = unnamed.nobody(&[BPF, PERFMON, NET_ADMIN]);
    refused(&lab, &unnamed, Exit::Occupied, &[lab.iface(), "name not readable without CAP_SYS_ADMIN"]);
    assert_eq!(first.scrape().unwrap().sum("d365_attached", &[]), 1);
}

/// The kernel itself rejects a second program, in every combination of modes: the daemon does not check again
/// between its start and the attachment.
#[test]
fn attaching_never_replaces_a_program() {
    require!(Root, Tool("ip"));
    let lab = Lab::new().unwrap();
    lab.host.run(|| {
        let interface = Interface::find(lab.iface()).unwrap();
        for first in [ModePolicy::Native, ModePolicy::Generic] {
            let (mut holder, _) = Kernel::load(OBJECT, &options()).unwrap();
            holder.attach(&interface, first).unwrap();
            let before = interface.xdp().unwrap();
            for second in [ModePolicy::Native, ModePolicy::Generic, ModePolicy::Auto] {
                let (mut other, _) = Kernel::load(OBJECT, &options()).unwrap();
                let error = other.attach(&interface, second).unwrap_err();
                assert!(matches!(error, AttachError::Busy { .. }), "{first:?}, {second:?}: {error}");
            }
            assert_eq!(interface.xdp().unwrap(), before);
        }
    });
}

#[test]
fn listen_address_not_available() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let taken = lab.host.run(|| std::net::TcpListener::bind("127.0.0.1:9365")).unwrap();
    refused(&lab, &DaemonOptions::on(&[lab.iface()]), Exit::Listen, &["127.0.0.1:9365", "--listen"]);
    drop(taken);
}

#[test]
fn kernel_without_a_needed_feature() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let on = DaemonOptions::on(&[lab.iface()]);
    refused(&lab, &on.clone().fault(BpfFault::no_bpf()), Exit::Kernel, &["BPF array maps", "Linux"]);
    let no_maps = BpfFault::of(command::MAP_CREATE, Errno::EINVAL);
    refused(&lab, &on.clone().fault(no_maps), Exit::Kernel, &["lacks", "maps"]);
    let no_programs = BpfFault::of(command::PROG_LOAD, Errno::EINVAL);
    refused(&lab, &on.fault(no_programs), Exit::Kernel, &["lacks", "XDP programs"]);
}

/// The daemon has all capabilities, but not in the initial user namespace, which is where the kernel asks for
/// them.
#[test]
fn privileged_only_in_a_user_namespace() {
    require!(Root, Tool("ip"), Tool("unshare"), Daemon);
    let lab = Lab::new().unwrap();
    let binary = daemon::binary().unwrap();
    let mut options = DaemonOptions::on(&[]);
    options.binary = Some("unshare".into());
    let options = options.args(["-Ur", binary.to_str().unwrap(), "--iface", lab.iface()]);
    refused(&lab, &options, Exit::Privilege, &["not privileged", "initial user namespace", "os error 1"]);
}

/// A lack of memory or descriptors is not reported as a missing feature, and the message contains the errno.
#[test]
fn out_of_memory_or_descriptors() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    for (command, errno, words) in [
        (command::MAP_CREATE, Errno::EMFILE, "Too many open files"),
        (command::MAP_CREATE, Errno::ENOMEM, "Cannot allocate memory"),
        (command::MAP_UPDATE_ELEM, Errno::ENOMEM, "Cannot allocate memory"),
        (command::PROG_LOAD, Errno::ENOMEM, "Cannot allocate memory"),
        (command::PROG_TEST_RUN, Errno::ENOMEM, "Cannot allocate memory"),
    ] {
        let options = DaemonOptions::on(&[lab.iface()]).fault(BpfFault::of(command, errno));
        refused(&lab, &options, Exit::Resources, &[words]);
    }
}

#[test]
fn native_mode_refused() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let options = DaemonOptions::on(&["lo"]).args(["--mode", "native"]);
    refused(&lab, &options, Exit::Attach, &["lo", "native", "--mode auto"]);
}

#[test]
fn the_first_interface_is_detached_when_the_second_fails() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::with(LabOptions { links: 2, ..LabOptions::default() }).unwrap();
    let ifaces = [lab.links[0].host.name.as_str(), lab.links[1].host.name.as_str(), "lo"];
    let options = DaemonOptions::on(&ifaces).args(["--mode", "native"]);
    refused(&lab, &options, Exit::Attach, &["lo", "native"]);
}

#[test]
fn the_command_line_and_the_environment() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let on = || DaemonOptions::on(&[lab.iface()]);
    refused(&lab, &on().args(["--no-such-flag"]), Exit::Usage, &["--no-such-flag"]);
    refused(&lab, &on().args(["--listen", "localhost"]), Exit::Usage, &["localhost", "--listen"]);
    refused(&lab, &on().args(["--port", "0"]), Exit::Usage, &["--port"]);
    refused(&lab, &on().args(["--mode", "fast"]), Exit::Usage, &["--mode"]);
    refused(&lab, &on().env("D365_MAX_RANGES", "262145"), Exit::Usage, &["262145"]);
    refused(&lab, &DaemonOptions::on(&[]), Exit::Usage, &["required"]);
    refused(&lab, &DaemonOptions::on(&["an/interface"]), Exit::Usage, &["an/interface", "slash"]);
}

#[test]
fn range_lists() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let path = std::env::temp_dir().join(format!("d365-bad-list-{}.csv", std::process::id()));
    let spec = format!("file:{}", path.display());
    let options = || DaemonOptions::on(&[lab.iface()]).args(["--ranges", &spec]);
    refused(&lab, &options(), Exit::Ranges, &[path.to_str().unwrap()]);
    for (text, words) in [
        ("0.0.0.0/0\n", &["0.0.0.0/0"][..]),
        ("11.0.0.0/8\n10.1.0.0/16\n", &["10.1.0.0/16", "--allow-special"]),
        ("# nothing\n", &["no prefix"]),
        ("11.0.0.0/8\nnonsense\n", &["line 2", "nonsense"]),
    ] {
        std::fs::write(&path, text).unwrap();
        refused(&lab, &options(), Exit::Ranges, words);
    }
    std::fs::write(&path, "11.0.0.0/24\n11.0.1.0/24\n").unwrap();
    refused(&lab, &options().args(["--max-ranges", "1"]), Exit::Ranges, &["--max-ranges"]);
    std::fs::remove_file(&path).unwrap();
}

/// A link can have alternative names. The daemon detects two names of one interface before it loads anything.
#[test]
fn two_names_of_one_interface() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    lab.host.ip(&["link", "property", "add", "dev", lab.iface(), "altname", "mail0"]).unwrap();
    let options = DaemonOptions::on(&[lab.iface(), "mail0"]);
    refused(&lab, &options, Exit::Interface, &[lab.iface(), "mail0"]);
}
