//! The daemon as a unit of the real systemd, in a machine that `cargo xtask vm-test --systemd` makes for the
//! tests. This module touches no other machine's systemd.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    command,
    daemon::{DEFAULT_LISTEN, DaemonOptions},
    http,
    netns::Netns,
    patience, purpose,
    scrape::Scrape,
};

/// Units of this directory are gone after a boot.
const UNITS: &str = "/run/systemd/system";
/// The program of a unit without its package.
const PROGRAM: &str = "/usr/local/bin/d365-user";

/// Returns true if the maker of this machine promises a systemd for the tests.
pub(crate) fn is_promised() -> bool {
    purpose::is("systemd")
}

/// Returns true if this machine was made for the tests, and its first process is systemd.
pub(crate) fn is_ours() -> bool {
    let first = fs::read_to_string("/proc/1/comm").unwrap_or_default();
    is_promised() && first.trim_end() == "systemd"
}

/// A unit that runs the daemon. Dropping it stops and removes the unit.
#[derive(Debug)]
pub struct Unit {
    name: String,
    /// The text of the unit's file. `None` if an installed package has it.
    text: Option<String>,
    netns: Netns,
    listen: SocketAddr,
    log: PathBuf,
}

impl Unit {
    /// Makes a unit with the file of the package, which is not installed: `d365`, or `d365@INSTANCE`. It is
    /// not started yet. A drop-in runs a daemon with `options` in this namespace in place of the file's.
    pub fn new(name: &str, netns: &Netns, options: &DaemonOptions) -> Result<Self> {
        let text = fs::read_to_string(package().join(file(name)))?;
        let unit = Self::with(name, Some(text), netns, options.listen)?;
        let users = package().join("d365.sysusers");
        command::output(Command::new("systemd-sysusers").arg(users), None)?;
        unit.write(options)?;
        Ok(unit)
    }

    /// The unit of a package, in this namespace. The package may be installed later.
    pub fn of_package(name: &str, netns: &Netns) -> Result<Self> {
        let unit = Self::with(name, None, netns, DEFAULT_LISTEN)?;
        unit.add("test", &unit.surroundings())?;
        Ok(unit)
    }

    fn with(name: &str, text: Option<String>, netns: &Netns, listen: SocketAddr) -> Result<Self> {
        ensure!(is_ours(), "this machine's systemd is not one for tests");
        let log = Path::new("/run").join(format!("{name}.log"));
        Ok(Self { name: format!("{name}.service"), text, netns: netns.clone(), listen, log })
    }

    /// The drop-in for the place of the daemon.
    fn surroundings(&self) -> String {
        let (netns, log) = (self.netns.path(), self.log.display());
        format!("[Service]\nNetworkNamespacePath={netns}\nStandardError=append:{log}\n")
    }

    /// Changes the daemon's program and arguments, from the next start on. The unit's user can read neither
    /// the program nor a state directory below /tmp: the program is copied, and the directory is the unit's.
    pub fn write(&self, options: &DaemonOptions) -> Result<()> {
        ensure!(options.state.is_none(), "the unit has its own state directory");
        let next = Path::new(PROGRAM).with_extension("next");
        fs::copy(options.program()?, &next).with_context(|| format!("cannot write {}", next.display()))?;
        fs::rename(&next, PROGRAM)?;
        let command = command_line(&[], options)?;
        self.add("test", &format!("{}ExecStartPre=\nExecStart=\nExecStart={command}\n", self.surroundings()))
    }

    /// Lets the unit check the daemon's options before each start, as the file of the package does.
    pub fn check_first(&self, options: &DaemonOptions) -> Result<()> {
        self.add("z-check", &format!("[Service]\nExecStartPre={}\n", command_line(&["check"], options)?))
    }

    /// Writes the unit's settings (`/etc/default`) for the next start: lines `D365_…=VALUE`.
    pub fn set(&self, settings: &str) -> Result<()> {
        let path = Path::new("/etc/default").join(self.own());
        fs::write(&path, settings).with_context(|| format!("cannot write {}", path.display()))
    }

    /// The name of the unit's own files: `d365`, or `d365-INSTANCE`.
    fn own(&self) -> String {
        self.name.trim_end_matches(".service").replace('@', "-")
    }

    /// Adds a drop-in to the unit's file.
    pub fn add(&self, name: &str, drop_in: &str) -> Result<()> {
        let directory = self.drop_ins();
        fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
        if let Some(text) = &self.text {
            fs::write(Path::new(UNITS).join(file(&self.name)), text)?;
        }
        fs::write(directory.join(name).with_extension("conf"), drop_in)?;
        systemctl(&["daemon-reload"])?;
        Ok(())
    }

    fn drop_ins(&self) -> PathBuf {
        Path::new(UNITS).join(format!("{}.d", self.name))
    }

    /// Runs `systemctl VERB` on the unit, for example `start` or `restart`, with further arguments.
    pub fn systemctl(&self, verb: &str, arguments: &[&str]) -> Result<String> {
        let words: Vec<&str> = [verb].into_iter().chain(arguments.iter().copied()).collect();
        systemctl(&[&words[..], &[&self.name]].concat())
            .with_context(|| format!("the daemon's log:\n{}", self.log()))
    }

    /// A property of the unit, as `systemctl show` prints it.
    pub fn property(&self, name: &str) -> Result<String> {
        let shown = self.systemctl("show", &["--value", "--property", name])?;
        Ok(shown.trim_end().to_owned())
    }

    /// The daemon's process id. `None` while no daemon runs.
    pub fn pid(&self) -> Result<Option<u32>> {
        // systemd makes a slice for the instances of a template.
        let slice = self.name.split_once('@').map(|(template, _)| format!("system-{template}.slice/"));
        let group = slice.unwrap_or_default() + &self.name;
        let processes = format!("/sys/fs/cgroup/system.slice/{group}/cgroup.procs");
        let text = fs::read_to_string(processes).unwrap_or_default();
        text.lines().next().map(|line| line.parse().context("a process id")).transpose()
    }

    /// Kills the daemon by SIGKILL. If none runs, waits for the next one.
    pub fn kill(&self) -> Result<()> {
        let killed = patience::wait(Duration::from_secs(10), || {
            let Some(pid) = self.pid()? else { return Ok(None) };
            match kill(Pid::from_raw(i32::try_from(pid)?), Signal::SIGKILL) {
                Ok(()) => Ok(Some(())),
                Err(Errno::ESRCH) => Ok(None),
                Err(error) => Err(error.into()),
            }
        })?;
        killed.with_context(|| format!("no daemon runs; its log:\n{}", self.log()))
    }

    /// Waits until `/readyz` answers 200.
    pub fn wait_until_ready(&self, limit: Duration) -> Result<()> {
        let mut last = None;
        let ready = patience::wait(limit, || {
            let answer = last.insert(self.netns.run(|| http::get(self.listen, "/readyz", &[])));
            Ok(answer.as_ref().is_ok_and(|response| response.status == 200).then_some(()))
        })?;
        let Some(()) = ready else {
            bail!("not ready after {limit:?}; last answer {last:?}; its log:\n{}", self.log());
        };
        Ok(())
    }

    /// Scrapes `/metrics`.
    pub fn scrape(&self) -> Result<Scrape> {
        let accept = [("Accept", "text/plain")];
        Scrape::parse(&self.netns.run(|| http::get(self.listen, "/metrics", &accept))?.body)
    }

    /// The log of all daemons of this unit.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        let _ = self.systemctl("stop", &[]);
        let _ = fs::remove_dir_all(self.drop_ins());
        let _ = fs::remove_file(Path::new(UNITS).join(file(&self.name)));
        let _ = fs::remove_file(&self.log);
        let _ = fs::remove_file(PROGRAM);
        if self.text.is_some() {
            let _ = fs::remove_file(Path::new("/etc/default").join(self.own()));
        }
        for place in ["/var/lib", "/var/cache"] {
            let _ = fs::remove_dir_all(Path::new(place).join(self.own()));
        }
        let _ = systemctl(&["daemon-reload"]);
        let _ = self.systemctl("reset-failed", &[]);
    }
}

/// The program with these words and the daemon's arguments, for the file of a unit.
fn command_line(words: &[&str], options: &DaemonOptions) -> Result<String> {
    let mut line = PROGRAM.to_owned();
    for word in words.iter().map(ToString::to_string).chain(options.command_line()) {
        ensure!(!word.contains(['"', '\\', '%', '$']), "systemd would change {word}");
        line.push_str(&format!(" \"{word}\""));
    }
    Ok(line)
}

/// The name of a unit's file: an instance has that of its template.
fn file(unit: &str) -> String {
    let name = unit.trim_end_matches(".service");
    format!("{}.service", name.find('@').map_or(name, |at| &name[..=at]))
}

/// The files of the package in the repository.
fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../d365-user/package")
}

fn systemctl(words: &[&str]) -> Result<String> {
    command::output(Command::new("systemctl").args(words), None)
}
