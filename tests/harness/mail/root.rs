//! A root directory of its own: this machine's, with unpacked packages over it, and changes in memory.
//!
//! What is written there is never seen outside, and is gone with the last holder. Programs run in process namespaces of
//! their own, so that no daemon outlives the value that started it.

use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    unistd::pivot_root,
};

use crate::{child::Child, mount::View, netns::Netns};

/// Where the new root is put together; seen in the mount namespace only.
const WORKSHOP: &str = "/mnt";

/// The tree of unpacked packages: `D365_MAIL_PROGRAMS`, or `tools/mail` in cargo's target directory.
pub fn programs() -> Option<PathBuf> {
    let named = std::env::var_os("D365_MAIL_PROGRAMS").map(PathBuf::from);
    // target/<profile>/deps/<test>-<hash>
    let beside = || Some(std::env::current_exe().ok()?.ancestors().nth(3)?.join("tools/mail"));
    named.or_else(beside).filter(|tree| tree.join("usr/sbin/postfix").is_file())
}

/// Whether the kernel lays a directory in memory over this machine's root.
pub fn overlay_works() -> bool {
    View::with(|| overlay(None).map(drop)).is_ok()
}

/// A root directory, and the network namespace in which its programs run.
#[derive(Clone, Debug)]
pub struct Root {
    view: View,
    netns: Netns,
}

impl Root {
    /// This machine's root with the mail programs, for programs in `netns`. Names are looked up in its files only.
    pub fn new(netns: &Netns) -> Result<Self> {
        let tree = programs().context("no mail programs: run cargo xtask test, or set D365_MAIL_PROGRAMS")?;
        let view = netns.run(|| View::with(|| enter(&overlay(Some(&tree))?)))?;
        let root = Self { view, netns: netns.clone() };
        root.write("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nservices: files\n")?;
        root.write("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")?;
        root.write("/etc/resolv.conf", "")?;
        Ok(root)
    }

    /// The same root for programs in another network namespace.
    #[must_use]
    pub fn seen_from(&self, netns: &Netns) -> Self {
        Self { view: self.view.clone(), netns: netns.clone() }
    }

    /// Writes a file of the root, readable by all, and the directories above it.
    pub fn write(&self, path: &str, text: &str) -> Result<()> {
        let write = || {
            Path::new(path).parent().map_or(Ok(()), fs::create_dir_all)?;
            // What it may have been a link to is this machine's own file.
            let _ = fs::remove_file(path);
            fs::write(path, text)?;
            fs::set_permissions(path, fs::Permissions::from_mode(0o644))
        };
        self.view.run(write).with_context(|| format!("cannot write {path} of the private root"))
    }

    /// Adds a text to the end of a file.
    pub fn append(&self, path: &str, text: &str) -> Result<()> {
        let before = self.read(path)?;
        self.write(path, &format!("{before}{text}"))
    }

    /// Reads a file of the root.
    pub fn read(&self, path: &str) -> Result<String> {
        let bytes = self.view.run(|| fs::read(path));
        let bytes = bytes.with_context(|| format!("cannot read {path} of the private root"))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The texts of all files in a directory of the root; none where there is no such directory.
    pub fn files(&self, directory: &str) -> Result<Vec<String>> {
        let names = self.view.run(|| -> std::io::Result<Vec<_>> {
            let Ok(entries) = fs::read_dir(directory) else { return Ok(Vec::new()) };
            entries.map(|entry| Ok(entry?.path())).collect()
        });
        names?.iter().map(|path| self.read(&path.to_string_lossy())).collect()
    }

    /// Adds a user and a group of that name and number, in place of one that this machine may have.
    pub fn add_user(&self, name: &str, id: u32) -> Result<()> {
        self.add_to("/etc/passwd", name, &format!("{id}:{id}::/:/usr/sbin/nologin"))?;
        self.add_group(name, id)
    }

    /// Adds a group in place of one that this machine may have.
    pub fn add_group(&self, name: &str, id: u32) -> Result<()> {
        self.add_to("/etc/group", name, &format!("{id}:"))
    }

    fn add_to(&self, file: &str, name: &str, rest: &str) -> Result<()> {
        let named = |line: &&str| line.split_once(':').is_some_and(|(first, _)| first == name);
        let before = self.read(file)?;
        let mut text = String::new();
        for line in before.lines().filter(|line| !named(line)) {
            writeln!(text, "{line}")?;
        }
        writeln!(text, "{name}:x:{rest}")?;
        self.write(file, &text)
    }

    /// Makes a directory that belongs to a user and the group of the same number.
    pub fn directory(&self, path: &str, owner: u32) -> Result<()> {
        let make = || {
            fs::create_dir_all(path)?;
            chown(path, Some(owner), Some(owner))
        };
        self.view.run(make).with_context(|| format!("cannot make {path} of the private root"))
    }

    /// Runs a program of the root to its end; an exit status other than 0 is an error. Returns its standard output.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(program);
        command.args(arguments);
        self.netns.output(self.give_to(&mut command))
    }

    /// Starts a daemon of the root, which must stay in the foreground; its standard streams are piped. It and all that it
    /// starts are killed when the returned value is dropped, and when this process ends in whatever way.
    pub fn spawn(&self, words: &[&str]) -> Result<Child> {
        let mut command = Command::new("unshare");
        // The shell is the first process of the namespace, which ends with it. A daemon that changes its user would forget
        // that it was to be killed.
        command.args([
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "sh",
            "-c",
            "\"$@\"; exit $?",
            "sh",
        ]);
        command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.give_to(&mut command);
        self.netns.spawn(command)
    }

    fn give_to<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        self.view.give_to(command);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8")
    }
}

/// Mounts an overlay over `/` whose upper layer, in memory, begins as a copy of `tree`. Returns where. The tree cannot be a
/// lower layer of its own: the kernel refuses a layer that lies in another.
fn overlay(tree: Option<&Path>) -> Result<PathBuf> {
    let no_path = None::<&str>;
    mount(Some("tmpfs"), WORKSHOP, Some("tmpfs"), MsFlags::empty(), Some("mode=755"))
        .context("cannot mount a tmpfs")?;
    let place = |name: &str| Path::new(WORKSHOP).join(name);
    let (upper, work, root) = (place("upper"), place("work"), place("root"));
    [&upper, &work, &root].into_iter().try_for_each(fs::create_dir)?;
    if let Some(tree) = tree {
        let mut copy = Command::new("cp");
        copy.args([
            "--recursive",
            "--no-dereference",
            "--preserve=mode,links,timestamps",
            "--target-directory",
        ]);
        let entries = fs::read_dir(tree)?.map(|entry| Ok(entry?.path()));
        copy.arg(&upper).args(entries.collect::<std::io::Result<Vec<_>>>()?);
        let output = copy.output().context("cannot start cp")?;
        ensure!(output.status.success(), "cp: {}", String::from_utf8_lossy(&output.stderr));
    }
    let layers = format!("lowerdir=/,upperdir={},workdir={}", upper.display(), work.display());
    mount(Some("overlay"), &root, Some("overlay"), MsFlags::empty(), Some(layers.as_str()))
        .context("cannot mount an overlay over /")?;
    for shown in ["dev", "proc", "sys"] {
        let (from, to) = (Path::new("/").join(shown), root.join(shown));
        mount(Some(&from), &to, no_path, MsFlags::MS_BIND | MsFlags::MS_REC, no_path)
            .with_context(|| format!("cannot show {} in the private root", from.display()))?;
    }
    for empty in ["run", "tmp"] {
        mount(Some("tmpfs"), &root.join(empty), Some("tmpfs"), MsFlags::empty(), Some("mode=1777"))?;
    }
    Ok(root)
}

/// Makes `root` the root of the calling thread's mount namespace.
fn enter(root: &Path) -> Result<()> {
    std::env::set_current_dir(root)?;
    // The old root comes to lie over the new one, from where it is taken away.
    pivot_root(".", ".").context("cannot enter the private root")?;
    umount2(".", MntFlags::MNT_DETACH).context("cannot leave this machine's root")?;
    Ok(())
}
