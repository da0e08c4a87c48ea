//! Steps that many tests share: a daemon on a lab's interface, a list in a file, packets, other programs, and
//! waiting.

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use aya::programs::{SchedClassifier, TcAttachType};
use d365_common::names;
use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    frame::{Frame, Packet, Tcp},
    lab::{Lab, LabOptions, Link},
    mount::{Mount, View},
    netns::Netns,
    patience,
    raw::FrameSender,
    temp::TempDir,
};

/// A lab with two links.
pub(crate) fn two_links() -> Lab {
    Lab::with(LabOptions { links: 2, ..LabOptions::default() }).unwrap()
}

/// A lab with one link, and a daemon on it.
pub(crate) fn started(flags: &[&str]) -> (Lab, Daemon) {
    let lab = Lab::new().unwrap();
    let daemon = start(&lab, flags);
    (lab, daemon)
}

/// Starts a daemon on the first link of the lab.
pub(crate) fn start(lab: &Lab, flags: &[&str]) -> Daemon {
    Daemon::start(&lab.host, &on(lab, flags)).unwrap()
}

/// The options of a daemon on the first link of the lab.
pub(crate) fn on(lab: &Lab, flags: &[&str]) -> DaemonOptions {
    DaemonOptions::on(&[lab.iface()]).args(flags.iter().copied())
}

/// Stops the daemon, which must end with code 0. Returns its log.
#[track_caller]
pub(crate) fn stop(daemon: Daemon) -> String {
    let exit = daemon.stop().unwrap();
    assert_eq!(exit.status.code(), Some(0), "{}", exit.stderr);
    exit.stderr
}

/// The value of `--ranges` for a list in a file.
pub(crate) fn source(list: &Path) -> String {
    format!("file:{}", list.display())
}

/// A list in a directory of its own.
pub(crate) struct ListFile {
    pub(crate) directory: TempDir,
    pub(crate) source: String,
}

impl ListFile {
    pub(crate) fn new(text: impl AsRef<[u8]>) -> Self {
        let directory = TempDir::new("list");
        let source = source(&directory.file("list"));
        let list = Self { directory, source };
        list.replace(text);
        list
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.file("list")
    }

    /// Renames a new file into place.
    pub(crate) fn replace(&self, text: impl AsRef<[u8]>) {
        fs::write(self.directory.file("new"), text).unwrap();
        fs::rename(self.directory.file("new"), self.path()).unwrap();
    }
}

/// The lines of a list with these /24 prefixes of 11.0.0.0/16 and this geo.
pub(crate) fn lines(numbers: impl IntoIterator<Item = u32>, geo: &str) -> String {
    numbers.into_iter().map(|number| format!("11.0.{number}.0/24,{geo}\n")).collect()
}

/// The addresses that these texts mean.
pub(crate) fn addresses(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// Sends one attempt to connect to port 25 from each of these sources.
pub(crate) fn knock(link: &Link, sources: &[&str]) {
    let sender = FrameSender::on(&link.sender).unwrap();
    for source in addresses(sources) {
        let syn = Packet::between(source, link.host_for(source), Tcp::new(40_000, 25).syn());
        sender.send(&Frame::new(syn).macs(link.sender.mac, link.host.mac)).unwrap();
    }
}

/// Runs a shell's command line in a namespace and returns its output. A failure is a panic.
#[track_caller]
pub(crate) fn shell(netns: &Netns, line: &str) -> String {
    netns.output(Command::new("sh").args(["-c", line])).unwrap()
}

/// Does the same with a view of the file systems.
#[track_caller]
pub(crate) fn shell_in(view: &View, netns: &Netns, line: &str) -> String {
    let mut command = Command::new("sh");
    command.args(["-c", line]);
    view.give_to(&mut command);
    netns.output(&mut command).unwrap()
}

/// Attaches a foreign XDP program (`native` or `skb`), whose pins are in the returned view.
pub(crate) fn xdp_filter(lab: &Lab, mode: &str) -> View {
    let view = View::new(&lab.host, &[Mount::Bpffs, Mount::EmptyRun]).unwrap();
    shell_in(&view, &lab.host, &format!("xdp-filter load --mode {mode} {}", lab.iface()));
    view
}

/// The output of `ip link` for an interface.
pub(crate) fn shown(netns: &Netns, iface: &str) -> String {
    netns.ip(&["-d", "link", "show", "dev", iface]).unwrap()
}

pub(crate) fn has_xdp(netns: &Netns, iface: &str) -> bool {
    shown(netns, iface).contains("prog/xdp")
}

/// True if the tc program that counts is on an interface, by tcx.
pub(crate) fn has_tc(netns: &Netns, iface: &str) -> bool {
    netns.run(|| {
        // A program that has just been replaced may be gone before its name is read.
        let programs = || SchedClassifier::query_tcx(iface, TcAttachType::Ingress).ok();
        let (_, programs) = std::iter::repeat_with(programs).take(10).flatten().next().unwrap();
        programs.iter().any(|program| program.name_as_str() == Some(names::PROGRAM_TC))
    })
}

/// The id of the XDP program on an interface.
pub(crate) fn xdp_id(netns: &Netns, iface: &str) -> String {
    let shown = shown(netns, iface);
    let (_, id) = shown.split_once("prog/xdp id ").unwrap();
    id.split(' ').next().unwrap().to_owned()
}

/// Sets the flag when it is dropped, also by a panic: a thread that looks at it ends.
pub(crate) struct SetOnDrop<'a>(pub(crate) &'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The value behind a name in one of the files of `/proc` with one field a line.
pub(crate) fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

/// Detaches the daemon's link of one of these programs, as another process may do.
pub(crate) fn detach(daemon: &Daemon, netns: &Netns, programs: &[&str]) {
    let link = fs::read_dir(format!("/proc/{}/fdinfo", daemon.pid())).unwrap().find_map(|entry| {
        let text = fs::read_to_string(entry.unwrap().path()).ok()?;
        let is_ours = programs.contains(&field(&text, "prog_id:")?);
        is_ours.then(|| field(&text, "link_id:").map(str::to_owned))?
    });
    let link = link.unwrap_or_else(|| panic!("no link of {programs:?}"));
    shell(netns, &format!("bpftool link detach id {link}"));
}

/// Waits until `is_so` returns true, at most this number of seconds. Panics with the text of `otherwise`.
#[track_caller]
pub(crate) fn until(seconds: u64, mut is_so: impl FnMut() -> bool, otherwise: impl Fn() -> String) {
    let deadline = patience::deadline(Duration::from_secs(seconds));
    while !is_so() {
        assert!(Instant::now() < deadline, "not within {seconds} s: {}", otherwise());
        thread::sleep(Duration::from_millis(10));
    }
}
