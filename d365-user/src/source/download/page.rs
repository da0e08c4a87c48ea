//! Finds the current document on the vendor's download page. Total: any text is a page, and most have no
//! document.
//!
//! It searches for one thing only: URLs of the known form on allowed hosts. They may be anywhere in the page:
//! in a link, in the page's script, or in its metadata. The structure of the page changes, but the form of
//! the URLs has not changed since 2019.

use super::{Hosts, Url};
use crate::source::Cloud;

/// Longest URL that is considered. URLs of the known form have about 130 bytes.
const MAX_LENGTH: usize = 512;

/// Escapes around and in the URLs of a page: those of JSON, and of JSON in an attribute.
const ESCAPES: [(&str, &str); 4] = [("\\/", "/"), ("\\u002f", "/"), ("\\u002F", "/"), ("&quot;", "\"")];

/// A document that the page lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The URL of the document.
    pub url: Url,
    /// The date of the document, as 2026-08-03. The text of a later day is greater.
    pub date: String,
}

/// Returns the newest document of this cloud on the page. If two have the same date, it returns the first.
#[must_use]
pub fn newest(page: &str, cloud: Cloud, hosts: &Hosts) -> Option<Listed> {
    let text = ESCAPES.iter().fold(page.to_owned(), |text, (escape, meant)| text.replace(escape, meant));
    let mut newest: Option<Listed> = None;
    for url in urls(&text).filter(|url| hosts.allow(url)) {
        let Some(date) = date(&url, cloud) else { continue };
        if newest.as_ref().is_none_or(|newest| newest.date < date) {
            newest = Some(Listed { url, date });
        }
    }
    newest
}

/// Returns the date in a URL of the known form (`…/download/<path>/ServiceTags_<cloud>_YYYYMMDD.json`), in
/// upper or lower case. Returns `None` for a URL of another form or of another cloud, and if the digits are
/// no day of the calendar from 1970 on.
pub(super) fn date(url: &Url, cloud: Cloud) -> Option<String> {
    if url.has_query() {
        return None;
    }
    let mut segments = url.path().strip_prefix('/')?.split('/');
    let file = segments.next_back()?.to_ascii_lowercase();
    let known = segments.next().is_some_and(|first| first.eq_ignore_ascii_case("download"));
    let plain = |segment: &str| {
        !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if !known || segments.clone().next().is_none() || !segments.all(plain) {
        return None;
    }
    let name = cloud.document_name().to_ascii_lowercase();
    let date =
        file.strip_prefix("servicetags_")?.strip_prefix(&name)?.strip_prefix('_')?.strip_suffix(".json")?;
    let day = format!("{}-{}-{}", date.get(..4)?, date.get(4..6)?, date.get(6..)?);
    humantime::parse_rfc3339(&format!("{day}T00:00:00Z")).ok().map(|_| day)
}

/// Returns every `https` URL in a text. Each URL extends to its last possible byte, so the beginning of a
/// longer URL is never taken for a shorter one.
fn urls(text: &str) -> impl Iterator<Item = Url> {
    text.match_indices("://").filter_map(move |(colon, _)| {
        let start = colon.checked_sub("https".len())?;
        let url = text.get(start..)?;
        let length = url.bytes().take(MAX_LENGTH).take_while(|byte| is_of_a_url(*byte)).count();
        url.get(..length)?.parse().ok()
    })
}

/// True for the bytes that occur in URLs of the known form, and for the bytes that would make it another URL.
fn is_of_a_url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&()*+,;=%".contains(&byte)
}

#[cfg(test)]
mod tests;
