//! Options with which a test starts the daemon.

use std::{
    fs::File,
    net::SocketAddr,
    os::fd::AsRawFd as _,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result};
use nix::sys::resource::Resource;

use crate::{
    credentials, daemon, environment,
    limit::Limit,
    mount::{Mount, View},
    seccomp::{BpfFault, Faults},
    service_manager::ServiceManager,
    temp::TempDir,
};

/// Flags, environment and surroundings of a daemon. Variables of the test's own environment are not passed
/// on.
#[derive(Clone, Debug)]
#[must_use]
pub struct DaemonOptions {
    /// The binary; [`daemon::binary`] if `None`.
    pub binary: Option<PathBuf>,
    /// The command line after the program's name.
    pub arguments: Vec<String>,
    /// Additional environment variables.
    pub environment: Vec<(String, String)>,
    /// The address of its HTTP server. It is passed as `--listen` unless it is the daemon's default.
    pub listen: SocketAddr,
    /// The capabilities with which it runs as `nobody` (see [`credentials::capability`]). With `None`, it
    /// runs as the test's own user.
    pub nobody: Option<Vec<u32>>,
    /// The file systems that it sees. With `None`, it sees the test's own file systems without a bpffs,
    /// because pins of a killed daemon would stay there.
    pub view: Option<View>,
    /// Resource limits that it starts with.
    pub limits: Vec<Limit>,
    /// The plan that decides about each of its calls of one kind. With `None`, no call is intercepted.
    pub faults_by: Option<Faults>,
    /// Its state directory, passed as `--state-dir`. The directory is its own, and is removed with the last
    /// clone of these options. With `None`, the daemon uses its default.
    pub state: Option<Arc<TempDir>>,
    /// The service manager that starts it.
    pub manager: Option<ServiceManager>,
    /// Time limit until it is ready, or until the end of a daemon that must refuse to start.
    pub patience: Duration,
}

impl DaemonOptions {
    /// A daemon with `--iface` for each of these interfaces.
    pub fn on(interfaces: &[&str]) -> Self {
        let options = Self {
            binary: None,
            arguments: Vec::new(),
            environment: Vec::new(),
            listen: daemon::DEFAULT_LISTEN,
            nobody: None,
            view: None,
            limits: Vec::new(),
            faults_by: None,
            state: Some(Arc::new(TempDir::new("state"))),
            manager: None,
            patience: Duration::from_secs(30),
        };
        options.args(interfaces.iter().flat_map(|interface| ["--iface", interface]))
    }

    /// Uses the same state directory as `other`, as in a restart.
    pub fn state_of(mut self, other: &Self) -> Self {
        self.state.clone_from(&other.state);
        self
    }

    /// Adds flags.
    pub fn args<'a>(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.arguments.extend(arguments.into_iter().map(str::to_owned));
        self
    }

    /// Adds an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets another listen address than the default.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Runs the daemon as `nobody`, with these capabilities only.
    pub fn nobody(mut self, capabilities: &[u32]) -> Self {
        self.nobody = Some(capabilities.to_vec());
        self
    }

    /// Runs the daemon with this view of the file systems.
    pub fn view(mut self, view: &View) -> Self {
        self.view = Some(view.clone());
        self
    }

    /// Makes a `bpf` call fail, in addition to the plan of [`Self::faults_by`].
    pub fn fault(mut self, fault: BpfFault) -> Self {
        self.faults_by.get_or_insert_default().always(fault);
        self
    }

    /// Starts the daemon with this soft limit.
    pub fn limit(mut self, resource: Resource, soft: u64) -> Self {
        self.limits.push(Limit { resource, soft });
        self
    }

    /// Lets this plan decide about each call of its kind, so that calls can fail while the daemon runs.
    pub fn faults_by(mut self, faults: &Faults) -> Self {
        self.faults_by = Some(faults.clone());
        self
    }

    /// Starts the daemon by this service manager, which hands its store over.
    pub fn managed(mut self, manager: &ServiceManager) -> Self {
        self.manager = Some(manager.clone());
        self
    }

    /// Sets another time limit for becoming ready or ending.
    pub fn patience(mut self, limit: Duration) -> Self {
        self.patience = limit;
        self
    }

    /// The path of the daemon's program.
    pub(crate) fn program(&self) -> Result<PathBuf> {
        let binary = self.binary.clone().or_else(daemon::binary);
        binary.context("no d365-user binary: cargo build -p d365-user, or set D365_USER_BIN")
    }

    /// The whole command line after the program's name.
    pub(crate) fn command_line(&self) -> Vec<String> {
        let mut words = self.arguments.clone();
        if let Some(state) = &self.state {
            words.extend(["--state-dir".to_owned(), state.path().display().to_string()]);
        }
        if self.listen != daemon::DEFAULT_LISTEN {
            words.extend(["--listen".to_owned(), self.listen.to_string()]);
        }
        words
    }

    /// Builds the command from all of these options.
    pub(crate) fn command(&self) -> Result<Command> {
        let binary = self.program()?;
        let mut command = match self.nobody {
            Some(_) => by_descriptor(&binary)?,
            None => Command::new(&binary),
        };
        command.args(self.command_line()).current_dir("/");
        if let (Some(state), Some(_)) = (&self.state, &self.nobody) {
            credentials::give_to_nobody(state.path())?;
        }
        if self.manager.is_some() {
            command = ServiceManager::wrap(&command);
        }
        environment::clear(&mut command);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());

        // The order matters: mounting needs the privileges that are dropped next, and the filter must not see
        // these calls.
        let view = || View::with(|| Mount::HideBpffs.apply());
        self.view.clone().map_or_else(view, Ok)?.give_to(&mut command);
        self.limits.iter().for_each(|limit| limit.inflict_on(&mut command));
        if let Some(capabilities) = &self.nobody {
            credentials::become_nobody(&mut command, capabilities);
        }
        self.faults_by.iter().try_for_each(|faults| faults.inflict_on(&mut command))?;
        self.manager.iter().try_for_each(|manager| manager.give_to(&mut command))?;
        Ok(command)
    }
}

/// A command that opens its program by descriptor. So `nobody` can start a program below a directory that
/// only root may enter. Scripts cannot be started this way: the kernel closes the descriptor before their
/// interpreter reads it.
fn by_descriptor(program: &Path) -> Result<Command> {
    let file = File::open(program).with_context(|| format!("cannot open {}", program.display()))?;
    let mut command = Command::new(format!("/proc/self/fd/{}", file.as_raw_fd()));
    command.arg0(program);
    let hold = move || {
        let _ = &file;
        Ok(())
    };
    // SAFETY: the closure does nothing; it keeps the descriptor open as long as the command exists.
    unsafe {
        command.pre_exec(hold);
    }
    Ok(command)
}
