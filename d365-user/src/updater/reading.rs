//! Reads one source once: a file, or a download with the last good document at hand. It blocks, so it has a
//! thread of its own ([`super::feed`]). It decides nothing about the list.

use std::{fs, os::unix::fs::FileTypeExt as _, sync::Arc, time::Duration};

use nix::unistd::geteuid;

use super::{Failure, report};
use crate::{
    ranges::{Policy, RangeSet},
    source::{
        List, Schedule, SourceError, Spec, documents,
        download::{self, Client, Document, Options, Stamp, Target, UserAgent},
        limit,
        service_tags::{self, Regions},
    },
    state::{StateError, Storage, Writer, other_writers_of_file},
};

/// One good reading of a source.
#[derive(Clone, Debug)]
pub(crate) struct FetchedList {
    /// The listed ranges, from one origin.
    pub(super) set: RangeSet,
    /// Azure's prefixes by region, if they were requested and are known.
    pub(super) azure: Option<Arc<Regions>>,
}

/// A source that can be read repeatedly.
pub(super) trait Reader: Send {
    fn read(&mut self) -> Result<FetchedList, Failure>;

    /// True if the last reading was of a pipe, which is read only when somebody writes to it.
    fn is_pipe(&self) -> bool {
        false
    }

    /// The time after which a reading is reported as too slow; `None` for a reader with limits of its own.
    fn limit(&self) -> Option<Duration> {
        None
    }

    /// Returns the error of the state directory since the last call, if any.
    fn state_error(&mut self) -> Option<StateError> {
        None
    }
}

/// A list in a file.
pub(super) struct FileReader {
    pub(super) spec: Spec,
    pub(super) policy: Policy,
    pub(super) keep_azure: bool,
    /// Other users who may write to it, as they were last logged.
    pub(super) writers: Vec<Writer>,
    /// True if the last reading was of a pipe: the next one waits for a writer as long as it takes.
    pub(super) is_pipe: bool,
}

impl FileReader {
    /// Blocks as a reading does.
    fn leads_to_a_pipe(&self) -> bool {
        let Schedule::OnChange(path) = self.spec.kind().schedule() else { return false };
        fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo())
    }

    /// Logs the other users who may write to the file or replace it, whenever they have changed.
    fn look_at_writers(&mut self) {
        let Schedule::OnChange(path) = self.spec.kind().schedule() else { return };
        // A file that is gone meanwhile is checked when it exists again.
        let Ok(writers) = other_writers_of_file(path, geteuid().as_raw()) else { return };
        if !writers.is_empty() && writers != self.writers {
            report::list_writers(&writers);
        }
        self.writers = writers;
    }
}

impl Reader for FileReader {
    fn read(&mut self) -> Result<FetchedList, Failure> {
        let loaded = self.spec.kind().load(self.keep_azure);
        self.is_pipe = self.leads_to_a_pipe();
        let (list, azure) = loaded?;
        self.look_at_writers();
        reading(list, azure, &self.policy)
    }

    fn is_pipe(&self) -> bool {
        self.is_pipe
    }

    fn limit(&self) -> Option<Duration> {
        (!self.is_pipe).then_some(limit::PATIENCE)
    }
}

/// A document on the network.
pub(super) struct DownloadReader {
    pub(super) spec: Spec,
    pub(super) target: Target,
    pub(super) user_agent: UserAgent,
    pub(super) policy: Policy,
    pub(super) keep_azure: bool,
    pub(super) state: Option<Storage>,
    /// The stamp and the reading of the last good document.
    pub(super) known: Option<(Stamp, FetchedList)>,
    pub(super) state_error: Option<StateError>,
}

impl DownloadReader {
    /// Loads the last good document from the state directory, so that the server need not send it again.
    pub(super) fn restore(&mut self) -> Option<FetchedList> {
        let name = self.spec.to_string();
        let storage = self.state.as_ref()?;
        let own = name.clone();
        let kept = match storage.load(move |directory| documents::load(directory, &own)) {
            Ok(kept) => kept?,
            Err(error) => {
                tracing::warn!(source = %name, %error, "the kept document cannot be read; it is downloaded again");
                self.state_error = Some(error);
                return None;
            }
        };
        match self.parse(&kept) {
            Ok(reading) => {
                self.known = Some((kept.stamp, reading.clone()));
                Some(reading)
            }
            Err(failure) => {
                tracing::warn!(source = %name, error = %failure, "the kept document is of no use any more");
                None
            }
        }
    }

    fn parse(&self, document: &Document) -> Result<FetchedList, Failure> {
        let list = self.spec.to_string();
        let options = service_tags::Options { cloud: self.target.cloud(), keep_azure: self.keep_azure };
        let mut parsed = service_tags::read(&document.bytes, &options)
            .map_err(|problem| SourceError::Document { list: list.clone(), problem })?;
        parsed.list.origin.name = list;
        parsed.list.origin.date = document.stamp.date.clone();
        reading(parsed.list, parsed.azure, &self.policy)
    }
}

impl Reader for DownloadReader {
    fn read(&mut self) -> Result<FetchedList, Failure> {
        let name = || self.spec.to_string();
        let client = Options::from_environment()
            .and_then(|options| Client::new(&Options { user_agent: self.user_agent.clone(), ..options }))
            .map_err(|problem| Failure::Client { list: name(), problem })?;
        let stamp = self.known.as_ref().map(|(stamp, _)| stamp);
        let fetched = download::fetch(&client, &self.target, stamp)
            .map_err(|problem| Failure::Download { list: name(), problem })?;
        let document = match (fetched, &self.known) {
            (Some(document), _) => document,
            (None, Some((_, reading))) => return Ok(reading.clone()),
            // A server answers so only to a request with a stamp.
            (None, None) => {
                let problem = service_tags::DocumentError::Empty;
                return Err(SourceError::Document { list: name(), problem }.into());
            }
        };
        let reading = self.parse(&document)?;
        let stamp = document.stamp.clone();
        if let Some(state) = &self.state {
            let name = name();
            let saved = state.run(move |directory| documents::save(directory, &name, &document));
            self.state_error = saved.err();
        }
        // A document that could not be saved is requested whole the next time, to be saved then.
        self.known = self.state_error.is_none().then(|| (stamp, reading.clone()));
        Ok(reading)
    }

    fn state_error(&mut self) -> Option<StateError> {
        self.state_error.take()
    }
}

fn reading(list: List, azure: Option<Regions>, policy: &Policy) -> Result<FetchedList, Failure> {
    let name = list.origin.name.clone();
    let built = RangeSet::build(&[list], policy);
    let set = built.map_err(|problem| Failure::Ranges { list: name, problem: Box::new(problem) })?;
    Ok(FetchedList { set, azure: azure.map(Arc::new) })
}
