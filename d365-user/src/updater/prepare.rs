//! From the command line to an updater with a first list, which comes from the state directory and from the
//! sources. It blocks while it reads files, and while it downloads documents if nothing else gives a list.

use std::{
    sync::{
        Arc, OnceLock,
        mpsc::{self, Sender},
    },
    time::Instant,
};

use tokio::sync::watch;

use super::{
    PrepareError,
    clock::{Clock, Sample},
    copies::Copies,
    event::Event,
    event_loop::Updater,
    exports::Exports,
    feed::{self, Command, ReadResult, Timing},
    publication::Publication,
    reading::{DownloadReader, FileReader, Reader},
    renamed, report,
    sources::Sources,
    tally::{StateFailure, Tally},
};
use crate::{
    config::Config,
    gate::gates::{self, Gates},
    ranges::{Policy, RangeError, RangeSet},
    resources::ResourceError,
    runtime::azure,
    settings::{LeaseTerm, Unlisted},
    source::{self, Schedule, Spec, watch::Watch},
    state::{StateDir, StateError, Storage},
    state_files,
};

/// An updater and its initial data.
pub(crate) struct Prepared {
    pub(crate) updater: Updater,
    pub(crate) events: Sender<Event>,
    pub(crate) set: RangeSet,
    /// True while the state directory does not answer.
    pub(crate) is_hung: watch::Receiver<bool>,
}

/// Reads the state directory and the sources.
///
/// # Errors
/// [`PrepareError`] if the state directory is needed and cannot be used, or if no source gives a list.
pub(crate) fn prepare(config: &Config, azure: Arc<azure::Known>) -> Result<Prepared, PrepareError> {
    let mut state_failures = Tally::default();
    let storage = directory(config, &mut state_failures)?.map(Storage::start).transpose()?;
    let embedded = RangeSet::build(&[source::load(&Spec::Embedded)?], &Policy::default())?;
    let made = Sources::embedded_date(&embedded);
    let mut clock = Clock::start(Sample::take(), made);
    let now = clock.look(Sample::take());
    report::clock_at_start(&now, made);
    let (gates, are_renamed) = match &storage {
        Some(storage) => saved_gates(config, storage, &mut state_failures)?,
        None => Default::default(),
    };
    let sources = Sources::new(&config.ranges, gates, config.gate, embedded, config.max_ranges, now.run());
    let (events, received) = mpsc::channel();
    let (hang, is_hung) = watch::channel(false);
    let feeds = Arc::new(OnceLock::new());
    let exports = config.export.clone().map(|path| Exports::start(path, config.export_formats.clone()));
    let exports = exports.transpose()?;
    let mut updater = Updater {
        sources,
        _watch: watch_files(&config.ranges, &feeds)?,
        feeds,
        events: received,
        storage,
        hang,
        hung_since: None,
        clock,
        now,
        term: config.lease,
        confirmed: Vec::new(),
        azure,
        refused: Tally::default(),
        state_failures,
        approval: None,
        approval_is_stuck: false,
        publication: Publication::new(None),
        copies: Copies::new(exports),
        reload: None,
        save_at: are_renamed.then(Instant::now),
        left_out: Vec::new(),
        lease: None,
        lease_is_stuck: false,
        is_lease_shared: false,
        has_actions: has_actions(config),
    };
    updater.start_feeds(config, &events)?;
    // An approval that was given while no daemon ran may make a list fit.
    updater.approvals(now.run());
    let set = updater.first_list(&config.ranges)?;
    report::remarks(&updater.sources.remarks_of_all(&set));
    updater.left_out = updater.sources.left_out();
    if !updater.left_out.is_empty() {
        updater.save_at = Some(Instant::now());
    }
    report::left_out(&updater.left_out, config.max_ranges);
    warn_of_embedded(config);
    updater.publication = Publication::new(Some(set.clone()));
    Ok(Prepared { updater, events, set, is_hung })
}

/// The gates that an earlier daemon saved, by the current names of their sources. Returns true if a name has
/// changed, so that the gates must be saved again.
fn saved_gates(
    config: &Config,
    storage: &Storage,
    failures: &mut Tally<StateFailure>,
) -> Result<(Gates, bool), PrepareError> {
    let (specs, policy) = (config.ranges.clone(), config.gate);
    let (recovered, gates, are_renamed, errors) = storage.load(move |directory| {
        let mut recovered = gates::recover(directory, policy);
        let mut gates = std::mem::take(&mut recovered.gates);
        let (are_renamed, errors) = renamed::take_over(&specs, &mut gates, directory);
        Ok((recovered, gates, are_renamed, errors))
    })?;
    report::recovered(&recovered);
    failures.add_many(StateFailure::Gates, recovered.errors.len() as u64);
    for error in errors {
        tracing::warn!(%error, "a document that was kept under an earlier name is not used");
        failures.add(StateFailure::Document);
    }
    Ok((gates, are_renamed))
}

/// Warns if the embedded list is the only one and cannot do what the flags request.
fn warn_of_embedded(config: &Config) {
    let is_alone = config.ranges.iter().all(Spec::is_embedded);
    if config.watch_azure && is_alone {
        tracing::warn!(
            "--watch-azure finds nothing: no source has a service tags document; add --ranges azure, or one in a file"
        );
    }
    if config.lease == LeaseTerm::Never {
        tracing::warn!("--lease never: the list is trusted however long no source confirms it");
    } else if has_actions(config) && is_alone {
        tracing::warn!(
            "the embedded list alone is trusted until its lease ends, counted from the day that it was made; after that \
             nothing is tagged or dropped: add --ranges azure, which confirms it, or see --lease"
        );
    }
}

impl Updater {
    /// Starts the feed of each source that can be read again. The kept document of a download is its first
    /// reading.
    fn start_feeds(&mut self, config: &Config, events: &Sender<Event>) -> Result<(), PrepareError> {
        let mut feeds = Vec::new();
        for (at, spec) in config.ranges.iter().enumerate() {
            let timing = match spec.kind().schedule() {
                Schedule::Once => {
                    feeds.push(None);
                    continue;
                }
                Schedule::OnChange(_) => Timing::of_file(config.lease),
                Schedule::Interval => Timing::of_download(config.refresh),
            };
            let events = events.clone();
            let send = move |result| events.send(Event::Read(Box::new(result))).is_ok();
            feeds.push(Some(feed::start(at, spec.to_string(), self.reader(at, config), timing, send)?));
        }
        let _ = self.feeds.set(feeds);
        Ok(())
    }

    fn reader(&mut self, at: usize, config: &Config) -> Box<dyn Reader> {
        let spec = config.ranges[at].clone();
        let policy = Policy { allow_special: config.allow_special, max_ranges: config.max_ranges };
        let keep_azure = config.watch_azure;
        let Some(target) = config.targets[at].clone() else {
            return Box::new(FileReader { spec, policy, keep_azure, writers: Vec::new(), is_pipe: false });
        };
        let mut reader = DownloadReader {
            spec,
            target,
            user_agent: config.user_agent.clone(),
            policy,
            keep_azure,
            state: self.storage.clone(),
            known: None,
            state_error: None,
        };
        let kept = reader.restore();
        if let Some(regions) = kept.as_ref().and_then(|kept| kept.azure.as_ref()) {
            self.azure.set(at, regions);
        }
        if reader.state_error.take().is_some() {
            self.state_failures.add(StateFailure::Document);
        }
        let adopted = self.sources.restore(at, kept.as_ref());
        report::adopted(self.sources.name(at), adopted);
        Box::new(reader)
    }

    /// Waits until every file was read, and until there is a list or no source left that could give one. If
    /// there is not room for all lists, the order of the command line decides: a reading is judged only after
    /// the files that are named before its source.
    fn first_list(&mut self, specs: &[Spec]) -> Result<RangeSet, PrepareError> {
        let (mut failures, mut read) = (Vec::new(), Vec::<ReadResult>::new());
        loop {
            let now = self.look_at_clock();
            let is_file = |at: usize| matches!(specs[at].kind().schedule(), Schedule::OnChange(_));
            let is_next = |updater: &Self, outcome: &ReadResult| {
                !(0..outcome.source).any(|at| is_file(at) && updater.sources.is_awaited(at))
            };
            while let Some(next) = read.iter().position(|outcome| is_next(self, outcome)) {
                let outcome = read.remove(next);
                let source = self.sources.name(outcome.source).to_owned();
                let failure = self.on_reading(outcome, now);
                failures.extend(failure.map(|(failure, again)| (source, failure, again)));
            }
            let is_awaited = |download: bool| {
                let of_kind =
                    |(_, spec): &(usize, &Spec)| (spec.kind().schedule() == Schedule::Interval) == download;
                let mut kind = specs.iter().enumerate().filter(of_kind);
                kind.any(|(at, _)| self.sources.is_awaited(at))
            };
            let set = self.sources.set(now);
            if !is_awaited(false) && (set.is_ok() || !is_awaited(true)) {
                // The failure that keeps the daemon from starting is its last message; the others are logged
                // before it.
                let is_empty = matches!(set, Err(RangeError::Empty)) && !failures.is_empty();
                let last = if is_empty { Some(failures.remove(0)) } else { None };
                failures.iter().for_each(|(source, failure, again)| report::failure(source, failure, *again));
                return set.map_err(|problem| match last {
                    Some((_, failure, _)) => PrepareError::NoList(Box::new(failure)),
                    None => PrepareError::Ranges(problem),
                });
            }
            match self.events.recv() {
                Ok(Event::Read(outcome)) => read.push(*outcome),
                Ok(Event::Reload(_) | Event::Watchdog | Event::Interfaces) => {}
                // The daemon was stopped while it started; no thread waits for the answer.
                Ok(Event::Stop) | Err(mpsc::RecvError) => return set.map_err(PrepareError::Ranges),
            }
        }
    }
}

/// Opens the state directory. With the embedded list alone the daemon needs nothing in it, and counts without
/// it.
fn directory(config: &Config, failures: &mut Tally<StateFailure>) -> Result<Option<StateDir>, PrepareError> {
    match state_files::open(&config.state_dir) {
        Ok(directory) => {
            report::directory(directory.remarks());
            Ok(Some(directory))
        }
        Err(error @ StateError::InUse { .. }) => Err(PrepareError::State(error)),
        Err(error) if config.ranges.iter().all(Spec::is_embedded) => {
            tracing::warn!(%error, "going on without the state directory");
            failures.add(StateFailure::Directory);
            Ok(None)
        }
        Err(error) => Err(PrepareError::State(error)),
    }
}

/// Returns true if packets are tagged or dropped.
fn has_actions(config: &Config) -> bool {
    config.tags.any() || config.unlisted != Unlisted::Pass
}

/// Watches the files among the sources.
fn watch_files(
    specs: &[Spec],
    feeds: &Arc<OnceLock<Vec<Option<Sender<Command>>>>>,
) -> Result<Option<Watch>, ResourceError> {
    let files = specs.iter().enumerate().filter_map(|(at, spec)| match spec.kind().schedule() {
        Schedule::OnChange(path) => Some((at, path.to_owned())),
        _ => None,
    });
    let (places, files): (Vec<_>, Vec<_>) = files.unzip();
    if files.is_empty() {
        return Ok(None);
    }
    let feeds = Arc::clone(feeds);
    let changed = move |file: usize| {
        let feed = feeds.get().and_then(|feeds: &Vec<Option<Sender<Command>>>| feeds[places[file]].as_ref());
        // A feed that does not exist yet reads at its start, which is later than now.
        if let Some(feed) = feed {
            let _ = feed.send(Command::Now);
        }
    };
    Watch::start(source::watch::INTERVAL, files, changed).map(Some)
}
