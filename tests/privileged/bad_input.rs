//! Input that the daemon must reject: it logs one clear line, exits with the documented code, and leaves the
//! interface unchanged.

use std::time::Duration;

use d365_tests::{
    credentials::capability::{BPF, NET_ADMIN, PERFMON, SYS_RESOURCE},
    daemon::{self, Daemon, DaemonOptions},
    lab::Lab,
    netns::Netns,
    require,
    require::Requirement,
    seccomp::{BpfFault, command},
    temp::TempFile,
};
use d365_user::{
    exit::Exit,
    kernel::{AttachError, Inherited, Interface, Kernel, OBJECT},
    settings::{ModePolicy, TcOrder},
};
use nix::errno::Errno;

use crate::{
    judged::options,
    kernel::KernelExt as _,
    steps::{on, source, start, started, stop, two_links, xdp_filter, xdp_id},
};

/// Runs a daemon that must not start. Its only error line must contain all of `words`, and every interface of
/// the namespace must be unchanged.
#[track_caller]
pub(crate) fn refused(netns: &Netns, options: &DaemonOptions, exit: Exit, words: &[&str]) {
    let links = || {
        let text = netns.ip(&["-d", "link"]).unwrap();
        // The lines of a bridge and of its ports contain timers, which change with time.
        text.lines().filter(|line| !line.contains("_timer")).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = links();
    has_refused(&Daemon::run(netns, options).unwrap(), exit, words);
    assert_eq!(links(), before, "{:?}", options.arguments);
}

/// Asserts that the daemon ended with this code, and with one error line that contains all of `words`.
#[track_caller]
pub(crate) fn has_refused(ended: &daemon::Exit, exit: Exit, words: &[&str]) {
    assert_eq!(ended.status.code(), Some(i32::from(exit.code())), "{words:?}: {}", ended.stderr);
    let [line] = ended.errors()[..] else { panic!("{words:?}: not one line of error:\n{}", ended.stderr) };
    assert!(words.iter().all(|word| line.contains(word)), "{words:?}: {line}");
}

#[test]
fn a_start_that_cannot_succeed_names_the_cause() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let on = |flags: &[&str]| on(&lab, flags);
    let only = |interface| DaemonOptions::on(&[interface]);
    let nowhere = |flags: &[&str]| on(&["--iface", "nowhere0"]).args(flags.iter().copied());
    let cases: [(DaemonOptions, Exit, &[&str]); 16] = [
        (only("nowhere0"), Exit::Interface, &["nowhere0", "ip -br link"]),
        (nowhere(&[]), Exit::Interface, &["nowhere0"]),
        // The error is shown whatever the log's filter hides.
        (nowhere(&["--log-level", "off"]), Exit::Interface, &["nowhere0"]),
        (nowhere(&["--log-level", "[scrape]=info"]), Exit::Interface, &["nowhere0"]),
        (nowhere(&["--log-level", "[scrape{peer=(]}]=info"]), Exit::Interface, &["nowhere0"]),
        (on(&["--no-such-flag"]), Exit::Usage, &["--no-such-flag"]),
        (on(&["--listen", "localhost"]), Exit::Usage, &["localhost", "--listen"]),
        (on(&["--port", "0"]), Exit::Usage, &["--port"]),
        (on(&["--mode", "fast"]), Exit::Usage, &["--mode"]),
        (on(&[]).env("D365_MAX_RANGES", "262145"), Exit::Usage, &["262145"]),
        (DaemonOptions::on(&[]), Exit::Usage, &["required"]),
        (only("an/interface"), Exit::Usage, &["an/interface", "slash"]),
        (on(&[]).nobody(&[]), Exit::Privilege, &["CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN", "run as root"]),
        (on(&[]).nobody(&[NET_ADMIN]), Exit::Privilege, &["CAP_PERFMON, CAP_BPF missing"]),
        (only("lo").args(["--mode", "native"]), Exit::Attach, &["lo", "native", "--mode auto"]),
        (on(&[]).fault(BpfFault::no_bpf()), Exit::Kernel, &["BPF array maps", "Linux"]),
    ];
    for (options, exit, words) in cases {
        refused(&lab.host, &options, exit, words);
    }
}

/// A kernel without a feature is not confused with a lack of memory or descriptors, whose message contains
/// the errno.
#[test]
fn calls_that_fail_are_explained() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    for (command, errno, exit, words) in [
        (command::MAP_CREATE, Errno::EINVAL, Exit::Kernel, &["lacks", "maps"][..]),
        (command::PROG_LOAD, Errno::EINVAL, Exit::Kernel, &["lacks", "XDP programs"]),
        (command::MAP_CREATE, Errno::EMFILE, Exit::Resources, &["Too many open files"]),
        (command::MAP_CREATE, Errno::ENOMEM, Exit::Resources, &["Cannot allocate memory"]),
        (command::MAP_UPDATE_ELEM, Errno::ENOMEM, Exit::Resources, &["Cannot allocate memory"]),
        (command::PROG_LOAD, Errno::ENOMEM, Exit::Resources, &["Cannot allocate memory"]),
        // In `auto`, tc does not take the place of native XDP for that.
        (command::LINK_CREATE, Errno::EMFILE, Exit::Resources, &["native", "Too many open files"]),
        (command::LINK_CREATE, Errno::ENOMEM, Exit::Resources, &["tc program", "Cannot allocate memory"]),
        (command::PROG_TEST_RUN, Errno::ENOMEM, Exit::Resources, &["Cannot allocate memory"]),
    ] {
        refused(&lab.host, &on(&lab, &[]).fault(BpfFault::of(command, errno)), exit, words);
    }
}

#[test]
fn another_program_on_the_interface() {
    require!(Root, Tool("ip"), Tool("xdp-filter"), Daemon);
    for (mode, off) in [("native", " xdp off`"), ("skb", " xdpgeneric off`")] {
        let lab = Lab::new().unwrap();
        let _view = xdp_filter(&lab, mode);
        let id = format!("id {}", xdp_id(&lab.host, lab.iface()));
        for own in ["native", "generic"] {
            let words = [lab.iface(), "xdp", &id, "left as it is", off];
            refused(&lab.host, &on(&lab, &["--mode", own]), Exit::Occupied, &words);
        }
        let daemon = start(&lab, &[]);
        daemon
            .wait_for_line(&["attached by tc", "there is an XDP program", &id], Duration::from_secs(10))
            .unwrap();
        let labels = [("iface", lab.iface()), ("mode", "tc")];
        assert_eq!(daemon.scrape().unwrap().count("d365_attached", &labels), 1);
        stop(daemon);
        assert!(id.ends_with(&format!(" {}", xdp_id(&lab.host, lab.iface()))), "it is left as it was");
    }
}

#[test]
fn a_second_daemon_on_the_interface() {
    require!(Root, Tool("ip"), Daemon);
    let (lab, first) = started(&[]);
    let second = on(&lab, &["--mode", "native"]).listen("127.0.0.1:9366".parse().unwrap());
    refused(&lab.host, &second, Exit::Occupied, &[lab.iface(), "d365", "`bpftool link`"]);
    let mut capabilities = vec![BPF, PERFMON, NET_ADMIN];
    if !Requirement::Kernel(5, 11, "memory of maps is charged to the control group").is_met() {
        capabilities.push(SYS_RESOURCE);
    }
    let unnamed = second.nobody(&capabilities);
    refused(&lab.host, &unnamed, Exit::Occupied, &[lab.iface(), "name not readable without CAP_SYS_ADMIN"]);
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
            holder.attach(&interface, first, TcOrder::First, &mut Inherited::default()).unwrap();
            let before = interface.xdp().unwrap();
            for second in [ModePolicy::Native, ModePolicy::Generic] {
                let (mut other, _) = Kernel::load(OBJECT, &options()).unwrap();
                let error =
                    other.attach(&interface, second, TcOrder::First, &mut Inherited::default()).unwrap_err();
                assert!(matches!(error, AttachError::Busy { .. }), "{first:?}, {second:?}: {error}");
            }
            assert_eq!(interface.xdp().unwrap(), before);
        }
    });
}

/// The daemon detects at the start that another process has the port, even if this host does not have the
/// address yet.
#[test]
fn listen_address_not_available() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    // Another port each time: a program that another test starts may hold the first one for a moment longer.
    for (taken, address) in [("127.0.0.1:9365", "127.0.0.1:9365"), ("0.0.0.0:9366", "192.0.2.99:9366")] {
        let _taken = lab.host.run(|| std::net::TcpListener::bind(taken)).unwrap();
        let options = on(&lab, &[]).listen(address.parse().unwrap());
        refused(&lab.host, &options, Exit::Listen, &[address, "--listen", "Address already in use"]);
    }
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
    refused(
        &lab.host,
        &options,
        Exit::Privilege,
        &["not privileged", "initial user namespace", "os error 1"],
    );
}

#[test]
fn the_first_interface_is_detached_when_the_second_fails() {
    require!(Root, Tool("ip"), Daemon);
    let lab = two_links();
    let ifaces = [lab.links[0].host.name.as_str(), lab.links[1].host.name.as_str(), "lo"];
    let options = DaemonOptions::on(&ifaces).args(["--mode", "native"]);
    refused(&lab.host, &options, Exit::Attach, &["lo", "native"]);
}

#[test]
fn range_lists() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let list = TempFile::reserve("bad-list");
    let options = on(&lab, &["--ranges", &source(list.path()), "--max-ranges", "2"]);
    refused(&lab.host, &options, Exit::Ranges, &[list.path().to_str().unwrap()]);
    for (text, words) in [
        ("0.0.0.0/0\n", &["0.0.0.0/0"][..]),
        ("11.0.0.0/8\n10.1.0.0/16\n", &["10.1.0.0/16", "--allow-special"]),
        ("# nothing\n", &["no prefix"]),
        ("11.0.0.0/8\nnonsense\n", &["line 2", "nonsense"]),
        ("11.0.0.0/24\n11.0.1.0/24\n11.0.2.0/24\n", &["--max-ranges"]),
    ] {
        std::fs::write(list.path(), text).unwrap();
        refused(&lab.host, &options, Exit::Ranges, words);
    }
}
