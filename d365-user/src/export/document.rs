//! An export before it has a format: the chosen ranges, and the comment at the top.

use std::{
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use ipnet::IpNet;

use super::{ExportError, OnLapse, Selection};
use crate::published::{Lease, PublishedList, PublishedRange};

/// The ranges of an export, and the comment that introduces them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The list with the chosen ranges only. Its `retired` are empty unless they were asked for.
    pub list: PublishedList,
    /// The lines of the comment, without a comment sign, each of printable ASCII.
    pub comment: Vec<String>,
}

impl Export {
    /// Chooses the ranges. `now` is in seconds since the Unix epoch; only the lease is compared with it.
    /// `format` is the name of the format, for the line that shows how the export is made.
    ///
    /// # Errors
    /// [`ExportError`]: there is no such range, or a lease has ended and the selection refuses that.
    pub fn new(
        list: &PublishedList,
        selection: &Selection,
        format: &str,
        now: u64,
    ) -> Result<Self, ExportError> {
        Self::by(list, selection, &format!("--format {format}"), now)
    }

    /// Does the same for a template in this file.
    ///
    /// # Errors
    /// Those of [`Self::new`].
    pub fn for_template(
        list: &PublishedList,
        selection: &Selection,
        file: &Path,
        now: u64,
    ) -> Result<Self, ExportError> {
        Self::by(list, selection, &format!("--template {}", file.display()), now)
    }

    fn by(list: &PublishedList, selection: &Selection, flag: &str, now: u64) -> Result<Self, ExportError> {
        let chosen = |ranges: &[PublishedRange]| -> Vec<PublishedRange> {
            ranges.iter().filter(|range| selection.has(range)).cloned().collect()
        };
        let mut own = PublishedList {
            ranges: chosen(&list.ranges),
            retired: if selection.include_retired { chosen(&list.retired) } else { Vec::new() },
            ..list.clone()
        };
        let all = own.ranges.len();
        if all == 0 {
            return Err(ExportError::Empty);
        }
        let has_ended = |range: &PublishedRange| list.lease(range).has_ended(now);
        let count = own.ranges.iter().filter(|range| has_ended(range)).count();
        match selection.on_lapse {
            OnLapse::Fail if count > 0 => return Err(ExportError::Lapsed { count, all }),
            OnLapse::Empty => {
                own.ranges.retain(|range| !has_ended(range));
                own.retired.retain(|range| !has_ended(range));
            }
            _ => {}
        }
        let comment = comment(&own, selection, flag, (count, all));
        Ok(Self { list: own, comment })
    }

    /// The chosen ranges, then the retired ones.
    pub fn ranges(&self) -> impl Iterator<Item = &PublishedRange> {
        self.list.ranges.iter().chain(&self.list.retired)
    }

    /// The addresses of the chosen ranges as the fewest prefixes, none inside another: IPv4 before IPv6, by
    /// address. For formats that refuse overlaps, or that need no geo.
    #[must_use]
    pub fn aggregated(&self) -> Vec<IpNet> {
        let prefixes: Vec<IpNet> = self.ranges().map(|range| range.prefix).collect();
        let mut prefixes = IpNet::aggregate(&prefixes);
        prefixes.sort_unstable();
        prefixes
    }

    /// The comment with `sign` in front of each line.
    #[must_use]
    pub fn head(&self, sign: &str) -> String {
        self.comment.iter().map(|line| format!("{sign} {line}\n")).collect()
    }
}

/// The lines of the comment. A list whose lease has ended shows that first.
fn comment(
    list: &PublishedList,
    selection: &Selection,
    flag: &str,
    (ended, all): (usize, usize),
) -> Vec<String> {
    let mut lines = Vec::new();
    match selection.on_lapse {
        _ if ended == 0 => {}
        OnLapse::Empty => lines.push(format!("LEASE OVER: {ended} of {all} ranges are left out")),
        _ => lines.push(format!("LEASE OVER: {ended} of {all} ranges are not confirmed any more")),
    }
    let ranges = list.ranges.len();
    lines.push(format!(
        "d365 generation {}, published {}, {ranges} ranges, {} retired",
        list.generation,
        time(list.published),
        list.retired.len()
    ));
    lines.push(format!("digest of the whole list: {}", list.digest));
    for source in &list.sources {
        let dated = source.date.as_ref().map(|date| format!(" of {date}")).unwrap_or_default();
        let trusted = match source.lease {
            Lease::Unconfirmed => "not confirmed".to_owned(),
            Lease::Until(end) => format!("trusted until {}", time(end)),
            Lease::Endless => "trusted without an end".to_owned(),
        };
        lines.push(printable(&format!("source: {}{dated}, {trusted}", source.name)));
    }
    lines.push(printable(&format!("made by: d365-user export {flag}{}", selection.flags())));
    lines
}

/// A time as RFC 3339 in UTC. The largest time is the last that the library can write, in the year 9999.
pub(super) fn time(seconds: u64) -> String {
    const LAST: u64 = 253_402_300_799;
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds.min(LAST))).to_string()
}

/// The text in printable ASCII: a name from outside must neither end the comment nor move a cursor.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}

#[cfg(test)]
pub(crate) mod tests;
