//! Downloads the service tags document: from a URL, or through the vendor's download page.
//!
//! A download uses HTTPS and allowed hosts only, and is bounded in time and size. It returns a complete
//! document, or the reason for the failure. It neither reads the document nor decides about its use, and it
//! changes nothing. It blocks, so the caller gives it a thread.

mod backoff;
mod certificate;
mod challenge;
mod client;
mod document;
mod error;
mod fault;
mod hosts;
mod no_proxy;
mod options;
pub mod page;
mod proxy;
mod resolver;
mod retry_after;
mod target;
mod url;
mod user_agent;

pub use backoff::{Backoff, jittered, random, with_jitter};
pub use client::Client;
pub use document::{Document, Stamp, Validators};
pub use error::{DownloadError, OptionsError, Problem};
pub use hosts::Hosts;
pub use options::{Limits, Options, Roots};
pub use target::Target;
pub use url::{Host, Url, UrlError};
pub use user_agent::UserAgent;

use ureq::http::HeaderMap;

use super::{Cloud, MAX_BYTES};
use page::Listed;

/// Longest page in bytes.
const MAX_PAGE: u64 = 4 << 20;

/// Downloads the document; `None` if it is still the one that is `known`, which counts as if it had been
/// received.
///
/// # Errors
/// [`DownloadError`] names the problem. Nothing is retried here: [`Backoff`] gives the time of the next
/// attempt.
pub fn fetch(
    client: &Client,
    target: &Target,
    known: Option<&Stamp>,
) -> Result<Option<Document>, DownloadError> {
    let (url, date, hosts) = match target {
        Target::Document { url, hosts } => {
            let date = Cloud::ALL.into_iter().find_map(|cloud| page::date(url, cloud));
            (url.clone(), date, hosts)
        }
        Target::Page { cloud, page, otherwise, page_hosts, document_hosts } => {
            let find = |page| find(client, *cloud, page, page_hosts, document_hosts);
            let Listed { url, date } = match (find(page), otherwise) {
                // If both pages fail, the first error gives the cause: the second page is the vendor's older
                // way.
                (Err(error), Some(otherwise)) if error.is_of_the_page() => {
                    find(otherwise).map_err(|next| DownloadError { next: Some(Box::new(next)), ..error })?
                }
                (found, _) => found?,
            };
            (url, Some(date), document_hosts)
        }
    };
    let unless = known.filter(|known| known.url == url).map(|known| &known.validators);
    let Some((bytes, validators)) = client.get(&url, hosts, MAX_BYTES, unless)? else { return Ok(None) };
    match challenge::by(&HeaderMap::new(), &bytes, false) {
        Some(by) => Err(challenged(url, by)),
        None => Ok(Some(Document { stamp: Stamp { url, date, validators }, bytes })),
    }
}

/// Finds the newest document that a page lists.
fn find(
    client: &Client,
    cloud: Cloud,
    page: &Url,
    page_hosts: &Hosts,
    document_hosts: &Hosts,
) -> Result<Listed, DownloadError> {
    let (bytes, _) = client.get(page, page_hosts, MAX_PAGE, None)?.unwrap_or_default();
    // Only a page without a document can be a challenge: the vendor's own page may contain the scripts of
    // such a service.
    page::newest(&String::from_utf8_lossy(&bytes), cloud, document_hosts).ok_or_else(|| {
        match challenge::by(&HeaderMap::new(), &bytes, false) {
            Some(by) => challenged(page.clone(), by),
            None => DownloadError {
                url: page.clone(),
                problem: Problem::PageWithoutDocument { cloud, allowed: document_hosts.clone() },
                next: None,
            },
        }
    })
}

/// The error for a page that keeps programs out and has the status of success.
fn challenged(url: Url, by: &'static str) -> DownloadError {
    DownloadError { url, problem: Problem::Challenge { by, status: 200, retry_after: None }, next: None }
}
