//! The kernel object itself: libbpf's tools can read it, and the verifier's rejection of a program is
//! reported in one line.

use std::{collections::BTreeSet, path::PathBuf, process::Command};

use aya::Ebpf;
use d365_common::{
    dscp::Dscp,
    mark::Mark,
    names::{self, MAX_INTERFACES, MAX_PORTS},
};
use d365_tests::{
    lab::Lab,
    mount::{Mount, View},
    require,
    require::Requirement,
};
use d365_user::{
    daemon::StartError,
    exit::Exit,
    kernel::{Interface, Kernel, LoadError, OBJECT, Options},
    settings::Tags,
};
use object::{Object as _, ObjectSection as _};

use crate::judged::options;

/// libbpf loads every program of an object, or none. The daemon loads the XDP program that the kernel
/// accepts.
const FRAGS: Requirement = Requirement::Kernel(5, 18, "programs in xdp.frags, which libbpf cannot leave out");

/// The object in a file, removed when dropped.
struct ObjectFile(PathBuf);

impl ObjectFile {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("d365-{name}-{}.o", std::process::id()));
        std::fs::write(&path, OBJECT).unwrap();
        Self(path)
    }
}

impl Drop for ObjectFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn bpftool_loads_every_program() {
    require!(Root, Tool("ip"), Tool("bpftool"), FRAGS);
    let lab = Lab::new().unwrap();
    let view = View::new(&lab.host, &[Mount::Bpffs]).unwrap();
    let object = ObjectFile::new("bpftool");
    let bpftool = |arguments: &[&str]| {
        let mut command = Command::new("bpftool");
        command.args(arguments);
        view.give_to(&mut command);
        lab.host.output(&mut command).unwrap()
    };
    bpftool(&["prog", "loadall", object.0.to_str().unwrap(), "/sys/fs/bpf/d365"]);
    for program in ["d365", "d365_linear", "d365_prove", "d365_lease"] {
        let shown = bpftool(&["prog", "show", "pinned", &format!("/sys/fs/bpf/d365/{program}")]);
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
        tc: true,
        ..options()
    };
    let mark = |options| Options { tags: Tags { mark: Some(Mark::DEFAULT), ..tags }, ..options };
    let one = Options { interfaces: options().interfaces, ..on.clone() };
    let off = Options { tc: true, ..options() };
    let with_table = Options { trie_only: false, ..on.clone() };
    for options in [off, mark(options()), with_table, mark(one), on.clone(), mark(on)] {
        for program in names::PROGRAMS {
            if program == names::PROGRAMS[0] && !FRAGS.is_met() {
                continue;
            }
            let loaded = Kernel::load_one_of(&[program], OBJECT, &options);
            assert!(loaded.is_ok(), "{program}: {:?}", loaded.err());
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
    let object = ObjectFile::new("xdp-loader");
    let xdp_loader = |arguments: &[&str]| {
        let mut command = Command::new("xdp-loader");
        command.args(arguments);
        view.give_to(&mut command);
        lab.host.output(&mut command).unwrap()
    };
    xdp_loader(&["load", "-m", "native", "-n", "d365", lab.iface(), object.0.to_str().unwrap()]);
    let status = xdp_loader(&["status", lab.iface()]);
    assert!(status.contains("native") && status.contains("d365"), "{status}");
    xdp_loader(&["unload", "--all", lab.iface()]);
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
}

/// The program after the verifier has no code for the packet log unless `--log-packets` is set.
#[test]
fn the_verifier_removes_the_log_unless_asked_for() {
    require!(Root, Tool("bpftool"));
    for log_packets in [false, true] {
        let (mut kernel, _) = Kernel::load(OBJECT, &Options { log_packets, ..options() }).unwrap();
        let id = kernel.program_id().unwrap().to_string();
        let dump = Command::new("bpftool").args(["prog", "dump", "xlated", "id", &id]).output().unwrap();
        let text = String::from_utf8(dump.stdout).unwrap();
        assert!(text.contains("exit"), "{text}");
        assert_eq!(text.contains("bpf_ringbuf_reserve"), log_packets, "{text}");
    }
}

#[test]
fn something_that_is_no_object_is_refused() {
    require!(Root);
    for bytes in [&b""[..], b"not an object", &OBJECT[..OBJECT.len() / 2]] {
        assert!(matches!(Kernel::load(bytes, &options()), Err(LoadError::Object(_))));
    }
}
