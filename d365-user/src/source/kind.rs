//! The questions that every kind of list source answers. A kind is a type with [`ListSource`] in a module of
//! its own; [`Spec`](super::Spec) is the registry of the kinds.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{
    List, Reason, SourceError,
    download::{Host, Target, Url, UrlError},
    service_tags::Regions,
};

/// A source of range lists. The defaults are those of a download.
pub trait ListSource {
    /// The source's name: the value of the metrics' label `source`, without anything secret. The gates and
    /// the state files use it, too.
    fn name(&self) -> String;

    /// The times at which the source is read.
    fn schedule(&self) -> Schedule<'_> {
        Schedule::Interval
    }

    /// The trust in its lists; `None` for the list that is part of the program, which no gate judges.
    fn trust(&self) -> Option<Trust> {
        Some(Trust::Download)
    }

    /// Every reason for which reading the source can fail.
    fn failure_reasons(&self) -> Vec<Reason> {
        Reason::of_download()
    }

    /// Reads the list from this host. With `keep_azure`, it also returns the prefixes of every Azure region,
    /// if the list is a service tags document.
    ///
    /// # Errors
    /// [`SourceError`] names the place, the line and the problem. A source on the network returns
    /// [`SourceError::Remote`]: it is read through its [`target`](Self::target).
    fn load(&self, keep_azure: bool) -> Result<(List, Option<Regions>), SourceError> {
        let _ = keep_azure;
        Err(SourceError::Remote { list: self.name() })
    }

    /// The target of its downloads; `None` for a source on this host. `page` replaces the vendor's page, and
    /// `allowed` are the operator's further hosts.
    ///
    /// # Errors
    /// [`UrlError`] if its URL is never fetched.
    fn target(&self, page: Option<&Url>, allowed: &[Host]) -> Result<Option<Target>, UrlError> {
        let _ = (page, allowed);
        Ok(None)
    }

    /// The name that an earlier release gave to this source, if that differs. It may contain a token.
    fn earlier_name(&self) -> Option<String> {
        None
    }

    /// True if the source has a URL with a query, which may be a token.
    fn has_query(&self) -> bool {
        false
    }

    /// True if the source publishes the tag that the embedded list is a copy of.
    fn is_origin_of_embedded(&self) -> bool {
        false
    }
}

/// The times at which a source is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule<'a> {
    /// Never again: the list is part of the program.
    Once,
    /// When this file changes. A file that still exists also confirms its list, a few times in each lease.
    OnChange(&'a Path),
    /// At the interval of `--refresh`.
    Interval,
}

/// The way in which an offer arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// A file that somebody with rights on this host wrote, or the list that is compiled into the program. It
    /// counts as offered until it is replaced.
    Local,
    /// A list that was fetched over a network.
    Download,
}
