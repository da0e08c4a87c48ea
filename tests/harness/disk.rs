//! A disk that stops answering: an ext4 file system in an image, which a test can freeze. A write to it then
//! waits in the kernel where no signal ends it (state D), as on a disk that is gone.

use std::{
    process::{Child, Command, Stdio},
    sync::Mutex,
};

use anyhow::{Context as _, Result};

use crate::{
    command,
    mount::{Mount, SMALL_DISK, View},
    netns::Netns,
    temp::TempFile,
};

const SIZE: &str = "16M";

/// The file system, mounted at [`SMALL_DISK`] in a view of its own. It is gone with the last holder of that
/// view.
#[derive(Debug)]
pub struct Disk {
    /// The view in which it is mounted.
    pub view: View,
    /// The program that thaws it.
    thaws: Mutex<Option<Child>>,
}

impl Disk {
    /// Creates the file system, together with these mounts.
    pub fn new(netns: &Netns, mounts: &[Mount]) -> Result<Self> {
        let image = TempFile::reserve("disk");
        let path = image.path().to_str().context("a temporary path is text")?;
        run("truncate", &["--size", SIZE, path])?;
        run("mkfs.ext4", &["-q", "-F", path])?;
        let build = || {
            mounts.iter().try_for_each(|mount| mount.apply())?;
            run("mount", &["-o", "loop", path, SMALL_DISK])
        };
        let view = netns.run(|| View::with(build))?;
        // From now on the loop device keeps the image, so the file can be removed.
        Ok(Self { view, thaws: Mutex::new(None) })
    }

    /// Freezes it until [`Self::thaw`], or until this process ends for any reason.
    pub fn freeze(&self) -> Result<()> {
        // The program waits for the end of its standard input, which also comes when this process ends.
        let wait = format!("read -r line; exec fsfreeze --unfreeze {SMALL_DISK}");
        let mut thaws = Command::new("sh");
        thaws.args(["-c", &wait]).stdin(Stdio::piped()).stderr(Stdio::null());
        let thaws = self.view.run(|| thaws.spawn())?;
        *self.thaws.lock().expect("no holder panics") = Some(thaws);
        self.view.run(|| run("fsfreeze", &["--freeze", SMALL_DISK]))
    }

    /// Thaws it, so that it answers again.
    pub fn thaw(&self) {
        if let Some(mut thaws) = self.thaws.lock().expect("no holder panics").take() {
            drop(thaws.stdin.take());
            let _ = thaws.wait();
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.thaw();
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<()> {
    command::output(Command::new(program).args(arguments), None).map(drop)
}
