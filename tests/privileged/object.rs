//! The kernel object itself: libbpf's tools can read it, and the verifier's rejection of a program is
//! reported in one line.

use std::collections::BTreeSet;

use aya::Ebpf;
use d365_common::{
    dscp::Dscp,
    mark::Mark,
    names::{self, MAX_INTERFACES, MAX_PORTS},
};
use d365_tests::{
    lab::Lab,
    mount::{Mount, View},
    netns::Netns,
    require,
    require::Requirement,
    temp::TempFile,
};
use d365_user::{
    daemon::StartError,
    exit::Exit,
    kernel::{Interface, Kernel, LoadError, OBJECT, Options},
    settings::Tags,
};
use object::{Object as _, ObjectSection as _};

use crate::{
    judged::options,
    kernel::KernelExt as _,
    steps::{shell, shell_in},
};

/// libbpf loads every program of an object, or none. The daemon loads the XDP program that the kernel
/// accepts.
const FRAGS: Requirement = Requirement::Kernel(5, 18, "programs in xdp.frags, which libbpf cannot leave out");

#[test]
fn bpftool_loads_every_program() {
    require!(Root, Tool("ip"), Tool("bpftool"), FRAGS);
    let netns = Netns::new().unwrap();
    let view = View::new(&netns, &[Mount::Bpffs]).unwrap();
    let object = TempFile::new("object", OBJECT);
    let bpftool = |words: &str| shell_in(&view, &netns, &format!("bpftool prog {words}"));
    bpftool(&format!("loadall {} /sys/fs/bpf/d365", object.path().display()));
    for program in ["d365", "d365_linear", "d365_prove", "d365_lease"] {
        let shown = bpftool(&format!("show pinned /sys/fs/bpf/d365/{program}"));
        assert!(shown.contains("xdp") && shown.contains("btf_id"), "{shown}");
    }
}

/// The kernel decides which of the two XDP programs the daemon loads. Here both are loaded, and all other
/// programs, with every option on and off.
#[test]
fn the_kernel_takes_every_program() {
    require!(Root);
    let object = Ebpf::load(OBJECT).unwrap();
    let others = [names::PROGRAM_PROVE, names::PROGRAM_LEASE];
    let tc = [names::PROGRAM_TAG, names::PROGRAM_TC, names::PROGRAM_TC_L3];
    let named = names::PROGRAMS.into_iter().chain(others).chain(tc);
    let programs: BTreeSet<&str> = object.programs().map(|(name, _)| name).collect();
    assert_eq!(programs, named.collect(), "the loader knows every program of the object");
    let interface = |index| Interface { name: format!("absent{index}"), index };
    let tags = Tags { dscp: Some(Dscp::DEFAULT), retired: true, ..Tags::default() };
    let on = Options {
        interfaces: (1..).take(MAX_INTERFACES).map(interface).collect(),
        ports: (25..).take(MAX_PORTS).collect(),
        trie_only: true,
        log_packets: true,
        watch: true,
        tags,
        drop_unlisted: true,
        ..options()
    };
    let mark = |options| Options { tags: Tags { mark: Some(Mark::DEFAULT), ..tags }, ..options };
    let one = Options { interfaces: options().interfaces, ..on.clone() };
    let with_table = Options { trie_only: false, ..on.clone() };
    for options in [options(), mark(options()), with_table, mark(one), on.clone(), mark(on)] {
        for program in names::PROGRAMS {
            if program == names::PROGRAMS[0] && !FRAGS.is_met() {
                continue;
            }
            let loaded = Kernel::load_one_of(&[program], OBJECT, &options);
            let (mut kernel, _) = loaded.unwrap_or_else(|error| panic!("{program}: {error:?}"));
            for program in tc {
                assert!(kernel.tc(program).is_ok(), "{program}: {:?}", kernel.tc(program).err());
            }
        }
    }
}

/// libxdp's dispatcher is switched off, so `xdp-loader` attaches the program itself, and not behind the
/// dispatcher.
#[test]
fn xdp_loader_attaches_it_natively() {
    require!(Root, Tool("ip"), Tool("xdp-loader"), FRAGS);
    let lab = Lab::new().unwrap();
    let view = View::new(&lab.host, &[Mount::Sysfs, Mount::Bpffs, Mount::EmptyRun]).unwrap();
    let (object, iface) = (TempFile::new("object", OBJECT), lab.iface());
    let xdp_loader = |words: &str| shell_in(&view, &lab.host, &format!("xdp-loader {words}"));
    xdp_loader(&format!("load -m native -n d365 {iface} {}", object.path().display()));
    let status = xdp_loader(&format!("status {iface}"));
    assert!(status.contains("native") && status.contains("d365"), "{status}");
    xdp_loader(&format!("unload --all {iface}"));
}

/// The first instruction is `r0 = r5`: it reads a register that nothing has written.
#[test]
fn a_refusal_by_the_verifier_is_one_line_and_keeps_the_log() {
    require!(Root);
    let mut broken = OBJECT.to_vec();
    let file = object::File::parse(OBJECT).unwrap();
    for section in ["xdp", "xdp.frags"] {
        let (offset, _) = file.section_by_name(section).unwrap().file_range().unwrap();
        let at = usize::try_from(offset).unwrap();
        broken[at..at + 8].copy_from_slice(&[0xbf, 0x50, 0, 0, 0, 0, 0, 0]);
    }
    let Err(error) = Kernel::load(&broken, &options()) else { panic!("the verifier took it") };
    let LoadError::Verifier { log, .. } = &error else { panic!("{error}") };
    assert!(log.lines().count() > 1, "{log}");
    let message = error.to_string();
    let is_named = ["R5 !read_ok", "Initialize R5 on every path"].iter().any(|words| message.contains(words));
    assert!(is_named && message.lines().count() == 1, "{message}");
    assert!(message.contains("os error 13"), "{message}");
    let log = log.clone();
    let error = StartError::from(error);
    assert_eq!(error.exit(), Exit::Verifier);
    assert_eq!(error.details(), Some(log.as_str()));
    for bytes in [&b""[..], b"not an object", &OBJECT[..OBJECT.len() / 2]] {
        assert!(matches!(Kernel::load(bytes, &options()), Err(LoadError::Object(_))));
    }
}

/// The program after the verifier has no code for the packet log unless `--log-packets` is set, and none for
/// samples unless `--watch-azure` is set.
#[test]
fn the_verifier_removes_log_and_samples_unless_asked_for() {
    require!(Root, Tool("ip"), Tool("bpftool"));
    let netns = Netns::new().unwrap();
    for (log_packets, watch) in [(false, false), (true, false), (false, true)] {
        let (mut kernel, _) = Kernel::load(OBJECT, &Options { log_packets, watch, ..options() }).unwrap();
        let id = kernel.program_id().unwrap();
        let text = shell(&netns, &format!("bpftool prog dump xlated id {id}"));
        assert!(text.contains("exit"), "{text}");
        let has = ["bpf_ringbuf_reserve", "bpf_ringbuf_output"].map(|helper| text.contains(helper));
        assert_eq!(has, [log_packets, watch], "{text}");
    }
}
