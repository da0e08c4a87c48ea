//! The facts that doctor judges: the kernel's survey, the state directory, and the clock. This module judges
//! nothing, writes nothing, and asks no daemon.

use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

use nix::{
    errno::Errno,
    libc,
    unistd::{AccessFlags, Gid, Group, Uid, User, access},
};

use crate::{
    cli::{
        self,
        environment::{self, UnknownVariable},
    },
    config::Interfaces,
    gate::{Gate, GatePolicy, Timestamp, gates},
    http::{WebConfig, WebConfigError},
    kernel::{
        Interface, Stack, distinct,
        survey::{self, Fact, InterfaceFacts, Machine, Unknown},
    },
    settings::Listen,
    source::{embedded, shown_name},
    state::{StateError, Writer, holder, is_held, other_writers, other_writers_of_file},
    state_files::damaged_files,
};

pub(super) struct Facts {
    pub(super) machine: Machine,
    /// Variables of doctor's own environment that no flag reads.
    pub(super) unknown_variables: Vec<UnknownVariable>,
    pub(super) state: State,
    pub(super) clock: Clock,
    pub(super) http: Http,
    /// The date of the embedded list. With the list that is compiled in it is never `None`.
    pub(super) list: Option<Timestamp>,
    /// Each interface with its name; `None` if there is no such interface. An error if they could not be
    /// listed.
    pub(super) interfaces: Fact<Vec<(String, Fact<Option<InterfaceFacts>>)>>,
    /// The interfaces that only match a pattern.
    pub(super) matched: Vec<String>,
    /// The patterns that no interface matches.
    pub(super) unmatched: Vec<String>,
    /// The message about two names of one interface, if there are such names.
    pub(super) same: Option<String>,
}

pub(super) struct Http {
    pub(super) listen: Listen,
    /// Its web configuration; the default if none is named.
    pub(super) web_config: Fact<Result<WebConfig, WebConfigError>>,
}

#[derive(Clone, Debug)]
pub(super) struct Clock {
    pub(super) now: Timestamp,
    /// True if the kernel counts its clock as synchronised (adjtimex(2)).
    pub(super) is_synchronised: Fact<bool>,
}

#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) path: PathBuf,
    pub(super) directory: Directory,
    /// `Some` if a daemon holds it, with that daemon's process if it is known.
    pub(super) held: Fact<Option<Option<u32>>>,
    /// Files that are damaged, and the problem of each.
    pub(super) ailing: Fact<Vec<(String, String)>>,
    pub(super) lists: Fact<Vec<ListFile>>,
    /// The sources that were confirmed, and the time of each confirmation; `None` if no gate is saved.
    pub(super) confirmed: Fact<Option<Vec<(String, Timestamp)>>>,
}

/// A list in a file, and the users other than root and the directory's owner who may write to it, or the
/// reason why it cannot be examined.
pub(super) type ListFile = (String, Result<Vec<Writer>, String>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Directory {
    Missing,
    /// Something other than a directory is in its place.
    Other,
    Unknown(Unknown),
    There {
        /// `user:group`, by name if they have one.
        owner: String,
        mode: u32,
        /// Users other than root and its owner who may write into it.
        writers: Vec<Writer>,
        /// The reason for which this process may not write into it; `None` if it may.
        refused: Option<String>,
    },
}

pub(super) fn gather(flags: &cli::Doctor, interfaces: &Interfaces) -> Facts {
    let found = if interfaces.patterns.is_empty() { Ok(Stack::default()) } else { Stack::read() };
    let found = found.map_err(Unknown::from);
    let matching = |is_match: &dyn Fn(&str) -> bool| {
        let found = found.iter().flat_map(|stack| stack.matching(is_match));
        found.collect::<Vec<_>>()
    };
    let named: Vec<_> = interfaces.names.iter().filter_map(|name| Interface::find(name).ok()).collect();
    let is_named = |found: &Interface| named.iter().any(|named| named.index == found.index);
    let matched = matching(&|name| interfaces.is_match(name)).into_iter().filter(|found| !is_named(found));
    let matched: Vec<String> = matched.map(|interface| interface.name).collect();
    let unmatched = interfaces
        .patterns
        .iter()
        .filter(|pattern| found.is_ok() && matching(&|name| pattern.matches(name)).is_empty());
    let names = match &flags.iface[..] {
        [] => survey::running_ethernet(),
        _ => found.clone().map(|_| [&interfaces.names[..], &matched].concat()),
    };
    Facts {
        machine: survey::machine(),
        unknown_variables: environment::unknown_variables(),
        state: state(&flags.state_dir),
        http: http(flags),
        clock: Clock { now: SystemTime::now().into(), is_synchronised: is_synchronised() },
        list: embedded::list().ok().and_then(|list| {
            let midnight = format!("{}T00:00:00Z", list.origin.date?);
            humantime::parse_rfc3339(&midnight).ok().map(Timestamp::from)
        }),
        interfaces: names.map(|names| survey::interfaces(&names)),
        unmatched: unmatched.map(ToString::to_string).collect(),
        same: distinct(&named).err().map(|error| error.to_string()),
        matched,
    }
}

fn http(flags: &cli::Doctor) -> Http {
    let read = flags.web_config.as_deref().map(WebConfig::read).transpose();
    let web_config = match read {
        Err(error) if error.is_refused() => Err(Unknown::Refused(error.to_string())),
        read => Ok(read.map(Option::unwrap_or_default)),
    };
    Http { listen: flags.listen.clone(), web_config }
}

fn state(path: &Path) -> State {
    let gates = gates::look(path, GatePolicy::default()).map_err(|error| match error {
        StateError::Damaged { damage, .. } => Unknown::Failed(format!("{}: {damage}", gates::FILE)),
        error => error.into(),
    });
    // Only the owner of the directory shows the daemon's user.
    let user = fs::metadata(path).map_or(0, |found| found.uid());
    let writers = |name: &String| {
        let file = name.strip_prefix("file:")?;
        let writers = other_writers_of_file(Path::new(file), user);
        Some((name.clone(), writers.map_err(|error| error.to_string())))
    };
    State {
        path: path.to_owned(),
        directory: directory(path),
        held: is_held(path).map(|held| held.then(|| holder(path))).map_err(Unknown::from),
        ailing: damaged_files(path).map_err(Unknown::from),
        lists: gates
            .clone()
            .map(|gates| gates.iter().flat_map(gates::Gates::keys).filter_map(writers).collect()),
        confirmed: gates.map(|gates| {
            let confirmed =
                |(name, gate): (String, Gate)| Some((shown_name(&name).to_owned(), gate.confirmed()?));
            Some(gates?.into_iter().filter_map(confirmed).collect())
        }),
    }
}

impl From<StateError> for Unknown {
    fn from(error: StateError) -> Self {
        match &error {
            StateError::Directory { cause, .. } | StateError::Read { cause, .. } => {
                Self::classified(cause.kind(), error.to_string())
            }
            _ => Self::Failed(error.to_string()),
        }
    }
}

fn directory(path: &Path) -> Directory {
    let found = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Directory::Missing,
        Err(error) => return Directory::Unknown(error.into()),
        Ok(found) => found,
    };
    if !found.is_dir() {
        return Directory::Other;
    }
    let user = User::from_uid(Uid::from_raw(found.uid())).ok().flatten();
    let group = Group::from_gid(Gid::from_raw(found.gid())).ok().flatten();
    let user = user.map_or_else(|| found.uid().to_string(), |user| user.name);
    let group = group.map_or_else(|| found.gid().to_string(), |group| group.name);
    let refused =
        access(path, AccessFlags::W_OK | AccessFlags::X_OK).err().map(|errno| errno.desc().to_owned());
    let (owner, mode) = (format!("{user}:{group}"), found.mode() & 0o7777);
    Directory::There { owner, mode, writers: other_writers(&found, found.uid()), refused }
}

fn is_synchronised() -> Fact<bool> {
    // SAFETY: all zeros is a valid value of this plain C structure, and asks for no change (`modes`).
    let mut clock: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: `clock` is live and of the structure's size.
    let state = Errno::result(unsafe { libc::adjtimex(&raw mut clock) });
    state.map_err(std::io::Error::from)?;
    Ok(clock.status & libc::STA_UNSYNC == 0)
}
