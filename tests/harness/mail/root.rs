//! A private root directory in memory: unpacked packages and this machine's programs ([`tree`]).
//!
//! Files that are written there are not visible outside, and are gone with the last holder. Programs run in
//! process namespaces of their own, so that no daemon outlives the value that started it.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    os::unix::fs::{PermissionsExt as _, chown},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};

use super::{MAIL, Programs, tree};
use crate::{child::Child, mount::View, netns::Netns};

/// Returns true if the kernel can lay directories over this machine's programs.
pub fn overlay_works() -> bool {
    View::with(tree::try_overlay).is_ok()
}

/// A root directory, and the network namespace in which its programs run.
#[derive(Clone, Debug)]
pub struct Root {
    view: View,
    netns: Netns,
}

impl Root {
    /// A root with the mail programs, for programs in `netns`. Programs look up names only in its files.
    pub fn new(netns: &Netns) -> Result<Self> {
        Self::with(&MAIL, netns)
    }

    /// Does the same with other programs.
    pub fn with(programs: &Programs, netns: &Netns) -> Result<Self> {
        let packages = programs.tree().with_context(|| {
            format!("no {} programs: run cargo xtask test, or set {}", programs.name, programs.variable)
        })?;
        let view = netns.run(|| {
            View::with(|| tree::assemble(&packages).and_then(|()| tree::enter(Path::new(tree::WORKSHOP))))
        })?;
        Ok(Self { view, netns: netns.clone() })
    }

    /// The same root for programs in another network namespace.
    pub fn seen_from(&self, netns: &Netns) -> Self {
        Self { view: self.view.clone(), netns: netns.clone() }
    }

    /// Writes a file of the root, readable by all, and the directories above it.
    pub fn write(&self, path: &str, text: &str) -> Result<()> {
        let write = || {
            Path::new(path).parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(path, text)?;
            fs::set_permissions(path, fs::Permissions::from_mode(0o644))
        };
        self.view.run(write).with_context(|| format!("cannot write {path} of the private root"))
    }

    /// Appends a text to a file.
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

    /// Returns the texts of all files in a directory of the root; empty if there is no such directory.
    pub fn files(&self, directory: &str) -> Result<Vec<String>> {
        let names = self.view.run(|| -> std::io::Result<Vec<_>> {
            let Ok(entries) = fs::read_dir(directory) else { return Ok(Vec::new()) };
            entries.map(|entry| Ok(entry?.path())).collect()
        });
        names?.iter().map(|path| self.read(&path.to_string_lossy())).collect()
    }

    /// Adds a user and a group of this name and number.
    pub fn add_user(&self, name: &str, id: u32) -> Result<()> {
        self.append("/etc/passwd", &format!("{name}:x:{id}:{id}::/:/usr/sbin/nologin\n"))?;
        self.add_group(name, id)
    }

    /// Adds a group.
    pub fn add_group(&self, name: &str, id: u32) -> Result<()> {
        self.append("/etc/group", &format!("{name}:x:{id}:\n"))
    }

    /// Makes a directory that belongs to a user and the group of the same number.
    pub fn directory(&self, path: &str, owner: u32) -> Result<()> {
        let make = || {
            fs::create_dir_all(path)?;
            chown(path, Some(owner), Some(owner))
        };
        self.view.run(make).with_context(|| format!("cannot make {path} of the private root"))
    }

    /// The network namespace of its programs.
    pub(super) fn netns(&self) -> &Netns {
        &self.netns
    }

    /// Returns true if a program listens on this address of the root's network.
    pub(super) fn listens(&self, address: SocketAddr) -> bool {
        self.netns.run(|| TcpStream::connect(address)).is_ok()
    }

    /// Runs a program of the root to its end, and returns its standard output. An exit status other than 0 is
    /// an error.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(program);
        command.args(arguments);
        self.netns.output(self.give_to(&mut command))
    }

    /// Does the same with this text on the program's standard input.
    pub fn feed(&self, program: &str, arguments: &[&str], input: &str) -> Result<String> {
        let mut command = Command::new(program);
        command.args(arguments);
        self.netns.feed(self.give_to(&mut command), input)
    }

    /// Starts a daemon of the root, which must stay in the foreground. Its standard streams are piped. The
    /// daemon and everything that it starts are killed when the returned value is dropped, and when this
    /// process ends in any way.
    pub fn spawn(&self, words: &[&str]) -> Result<Child> {
        let mut command = Command::new("unshare");
        // The shell is the first process of the namespace, which ends with it. A daemon that changes its user
        // would lose the setting that kills it with its parent.
        command
            .args("--pid --fork --kill-child --mount-proc sh -c".split(' '))
            .args(["\"$@\"; exit $?", "sh"]);
        command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.give_to(&mut command);
        self.netns.spawn(command)
    }

    fn give_to<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        self.view.give_to(command);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8")
    }
}
