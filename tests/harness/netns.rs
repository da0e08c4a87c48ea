//! Network namespaces without names.
//!
//! A namespace is held only by a thread and a descriptor of this process. There is no file under `/run/netns`
//! and no pinned mount. When the process ends, even by SIGKILL, its namespaces and every interface in them
//! are gone. This module must not configure an interface of the namespace that the process started in.

use std::{
    fs::File,
    os::fd::AsRawFd as _,
    process::Command,
    sync::{Arc, mpsc},
    thread,
};

use anyhow::{Context as _, Result, anyhow};
use nix::sched::{CloneFlags, setns, unshare};

use crate::{child::Child, command};

type Job = Box<dyn FnOnce() + Send>;

/// A network namespace. Clones are the same namespace, which lives as long as one of them.
#[derive(Clone, Debug)]
pub struct Netns {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    namespace: File,
    anchor: mpsc::Sender<Job>,
}

impl Netns {
    /// Makes an empty namespace with the loopback interface up. Needs `CAP_SYS_ADMIN`.
    pub fn new() -> Result<Self> {
        let (report, made) = mpsc::channel();
        let (anchor, jobs) = mpsc::channel::<Job>();
        thread::Builder::new().name("netns".to_owned()).spawn(move || {
            let namespace = make();
            let usable = namespace.is_ok();
            if report.send(namespace).is_ok() && usable {
                // This thread forks the children. The signal that ends children with their parent is sent
                // when the *thread* that forked them ends. This thread ends with the last clone of the
                // namespace.
                jobs.into_iter().for_each(|job| job());
            }
        })?;
        let namespace = made.recv().context("the namespace's thread died")??;
        let netns = Self { inner: Arc::new(Inner { namespace, anchor }) };
        // A new namespace inherits these values from this machine's own, where a router or a container engine
        // may have set them.
        for (parameter, value) in
            [("ip_forward", "0"), ("conf/all/rp_filter", "0"), ("conf/default/rp_filter", "0")]
        {
            netns.sysctl(&format!("net/ipv4/{parameter}"), value)?;
        }
        netns.ip(&["link", "set", "lo", "up"])?;
        Ok(netns)
    }

    /// Runs `body` on a thread of its own inside the namespace, and returns its result. A panic is passed on.
    /// Sockets made there stay in the namespace wherever they are used later, and so do threads started
    /// there.
    pub fn run<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        apart(|| {
            setns(&self.inner.namespace, CloneFlags::CLONE_NEWNET).expect("setns (needs CAP_SYS_ADMIN)");
            body()
        })
    }

    /// Starts a program inside the namespace. It is killed when the returned value is dropped. The kernel
    /// kills it when this process ends in any way.
    pub fn spawn(&self, mut command: Command) -> Result<Child> {
        crate::child::die_with_parent(&mut command);
        let (report, started) = mpsc::channel();
        let job: Job = Box::new(move || {
            let described = command::describe(&command);
            let _ = report.send(command.spawn().with_context(|| format!("cannot start {described}")));
        });
        self.inner.anchor.send(job).map_err(|_| anyhow!("the namespace's thread is gone"))?;
        let child = started.recv().context("the namespace's thread died")??;
        Ok(Child::new(child, self.clone()))
    }

    /// Runs a program inside the namespace to its end, and returns its standard output. An exit status other
    /// than 0 is an error that contains the program's standard error.
    pub fn output(&self, command: &mut Command) -> Result<String> {
        self.run(|| command::output(command, None))
    }

    /// Does the same as [`Self::output`], with this text on the program's standard input.
    pub fn feed(&self, command: &mut Command, input: &str) -> Result<String> {
        self.run(|| command::output(command, Some(input)))
    }

    /// Runs iproute2's `ip` inside the namespace.
    pub fn ip(&self, arguments: &[&str]) -> Result<String> {
        self.output(Command::new("ip").args(arguments))
    }

    /// Writes a kernel parameter of the namespace. `name` is the path below `/proc/sys`, which shows the
    /// network parameters of the task that opens it.
    pub fn sysctl(&self, name: &str, value: &str) -> Result<()> {
        let path = format!("/proc/sys/{name}");
        self.run(|| std::fs::write(&path, value)).with_context(|| format!("cannot write {value} to {path}"))
    }

    /// A path by which another program of the same user finds the namespace (`ip link … netns PATH`,
    /// `nsenter --net=PATH`), as long as this process holds it.
    pub fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.inner.namespace.as_raw_fd())
    }
}

/// Runs `body` on a thread of its own with the calling thread's name. A panic is passed on.
pub fn apart<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    let name = thread::current().name().unwrap_or("apart").to_owned();
    thread::scope(|scope| {
        let inside = thread::Builder::new().name(name).spawn_scoped(scope, body).expect("a thread");
        inside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Moves the calling thread into a new namespace, and opens this namespace.
fn make() -> Result<File> {
    unshare(CloneFlags::CLONE_NEWNET).context("cannot make a network namespace (needs CAP_SYS_ADMIN)")?;
    let path = "/proc/thread-self/ns/net";
    File::open(path).with_context(|| format!("cannot open {path}"))
}
