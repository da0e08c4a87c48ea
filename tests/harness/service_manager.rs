//! A service manager with a descriptor store, as systemd has one (`FileDescriptorStoreMax=`,
//! systemd.service(5)): it keeps what a daemon sends, hands it to the next one, and closes it on
//! [`ServiceManager::stop`]. It records the daemon's reports, and does not act on them.

use std::{
    io::{self, IoSliceMut},
    os::{
        fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd, RawFd},
        unix::{net::UnixDatagram, process::CommandExt as _},
    },
    process::Command,
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use nix::{
    libc::{F_DUPFD_CLOEXEC, dup2, fcntl},
    poll::{PollFd, PollFlags, poll},
    sys::socket::{ControlMessageOwned, MsgFlags, recvmsg},
};

use crate::{listening::lock, patience, temp::TempDir};

/// The first descriptor that a service manager hands over (`SD_LISTEN_FDS_START`, `sd_listen_fds(3)`).
const START: RawFd = 3;
/// More descriptors than a daemon sends at once.
const MOST: usize = 16;
/// The descriptors that a daemon gets at most.
const MOST_KEPT: usize = 256;

/// A descriptor with its name.
pub type Named = (String, OwnedFd);

/// A service manager. Clones are the same one. Its store lives as long as the last clone.
#[derive(Clone, Debug)]
pub struct ServiceManager {
    directory: Arc<TempDir>,
    socket: Arc<UnixDatagram>,
    received: Arc<Mutex<Received>>,
    /// The limit of the daemons' watchdog.
    watchdog: Option<Duration>,
}

/// The messages of the daemons so far.
#[derive(Debug, Default)]
struct Received {
    store: Vec<Named>,
    reports: Vec<String>,
}

impl ServiceManager {
    /// Starts a service manager.
    pub fn start() -> Result<Self> {
        let directory = TempDir::new("notify");
        let socket = UnixDatagram::bind(directory.file("socket")).context("cannot make the notify socket")?;
        socket.set_nonblocking(true)?;
        let socket = Arc::new(socket);
        let manager = Self {
            directory: Arc::new(directory),
            socket: Arc::clone(&socket),
            received: Arc::default(),
            watchdog: None,
        };
        let received = Arc::downgrade(&manager.received);
        thread::spawn(move || {
            while let Some(received) = received.upgrade() {
                // An error only means that the loop asks again.
                let _ = poll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLIN)], 100_u16);
                receive_all(&socket, &mut lock(&received));
            }
        });
        Ok(manager)
    }

    /// Expects a sign of life from each daemon within `limit`.
    #[must_use]
    pub fn with_watchdog(self, limit: Duration) -> Self {
        Self { watchdog: Some(limit), ..self }
    }

    fn received(&self) -> MutexGuard<'_, Received> {
        lock(&self.received)
    }

    /// The lines that the daemons have sent, without those about descriptors.
    pub fn reports(&self) -> Vec<String> {
        self.received().reports.clone()
    }

    /// The names in the store, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.received().store.iter().map(|(name, _)| name.clone()).collect();
        names.sort();
        names
    }

    /// Waits until the store has these names, sorted.
    pub fn wait_for(&self, names: &[String]) -> Result<()> {
        let found = patience::wait(Duration::from_secs(10), || Ok((self.names() == names).then_some(())))?;
        found.with_context(|| format!("the store has {:?}, and not {names:?}", self.names()))
    }

    /// Changes the store behind the daemon's back.
    pub fn tamper(&self, change: impl FnOnce(&mut Vec<Named>)) {
        change(&mut self.received().store);
    }

    /// Closes everything in the store, as systemd does when the unit stops. The daemon has ended; messages
    /// that it has sent are read before.
    pub fn stop(&self) {
        let mut received = self.received();
        receive_all(&self.socket, &mut received);
        received.store.clear();
    }

    /// A command that runs `command` with `LISTEN_PID` set to its process id, which only the process knows.
    pub(crate) fn wrap(command: &Command) -> Command {
        let mut wrapped = Command::new("/bin/sh");
        wrapped.args(["-c", "LISTEN_PID=$$ exec \"$0\" \"$@\""]).arg(command.get_program());
        wrapped.args(command.get_args()).current_dir("/");
        wrapped
    }

    /// Gives a wrapped command the service manager's socket, and the store's descriptors.
    pub(crate) fn give_to(&self, command: &mut Command) -> Result<()> {
        let names: Vec<_> = self.received().store.iter().map(|(name, _)| name.clone()).collect();
        let mut kept = Vec::new();
        for (_, descriptor) in &self.received().store {
            kept.push(descriptor.try_clone().context("cannot copy a descriptor of the store")?);
        }
        let number = kept.len();
        ensure!(number <= MOST_KEPT, "the store has {number} descriptors, more than {MOST_KEPT}");
        command.env("NOTIFY_SOCKET", self.directory.file("socket"));
        if let Some(limit) = self.watchdog {
            command.env("WATCHDOG_USEC", limit.as_micros().to_string());
        }
        if !names.is_empty() {
            command.env("LISTEN_FDS", names.len().to_string()).env("LISTEN_FDNAMES", names.join(":"));
        }
        // SAFETY: the closure makes system calls only.
        unsafe {
            command.pre_exec(move || hand_over(&kept));
        }
        Ok(())
    }
}

/// Gives the descriptors the numbers from [`START`] on, in a new process.
fn hand_over(kept: &[OwnedFd]) -> io::Result<()> {
    let free = START + RawFd::try_from(kept.len()).map_err(io::Error::other)?;
    let mut moved = [0; MOST_KEPT];
    for (place, descriptor) in moved.iter_mut().zip(kept) {
        // SAFETY: the descriptor is open.
        *place = unsafe { fcntl(descriptor.as_raw_fd(), F_DUPFD_CLOEXEC, free.max(100)) };
        if *place < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    for (number, descriptor) in (START..free).zip(moved) {
        // SAFETY: the descriptor is open. The number may have been that of a descriptor of the test, or of
        // the standard library's pipe for a failed start.
        if unsafe { dup2(descriptor, number) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Handles all messages that are there. The caller holds the store, so nobody else has one in hand.
fn receive_all(socket: &UnixDatagram, received: &mut Received) {
    while let Ok((message, descriptors)) = receive(socket) {
        handle(received, &message, descriptors);
    }
}

fn receive(socket: &UnixDatagram) -> Result<(String, Vec<OwnedFd>)> {
    let mut bytes = [0; 4096];
    let mut space = nix::cmsg_space!([RawFd; MOST]);
    let mut parts = [IoSliceMut::new(&mut bytes)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(socket.as_fd().as_raw_fd(), &mut parts, Some(&mut space), flags)?;
    let mut descriptors = Vec::new();
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(received) = control {
            // SAFETY: the kernel has just opened these for this process.
            descriptors.extend(received.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    let length = message.bytes;
    Ok((String::from_utf8_lossy(&bytes[..length]).into_owned(), descriptors))
}

fn handle(received: &mut Received, message: &str, descriptors: Vec<OwnedFd>) {
    let has = |line: &str| message.lines().any(|found| found == line);
    let name = message.lines().find_map(|line| line.strip_prefix("FDNAME=")).unwrap_or("stored");
    if has("FDSTOREREMOVE=1") {
        received.store.retain(|(kept, _)| kept != name);
    } else if has("FDSTORE=1") {
        received.store.extend(descriptors.into_iter().map(|descriptor| (name.to_owned(), descriptor)));
    } else {
        received.reports.extend(message.lines().map(str::to_owned));
    }
}
