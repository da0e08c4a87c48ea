//! The operator's own list in a file, with one `prefix[,geo[,region]]` a line. `#` begins a comment, and
//! blank lines are ignored. The file is UTF-8 with or without a byte order mark, and has LF or CRLF. A bare
//! address is one host. One invalid line rejects the whole file: half a list is worse than none, because
//! the operator does not see which half is missing.
//!
//! A list may begin with a header line that names its columns ([`Columns`]). The lists that this project
//! prints have such a header.

use d365_common::entry::MOST_RANGES;

use super::columns::Columns;
use super::line;
use super::{List, ListEntry, Origin, SourceError};

/// Limit of prefixes: more than a set can hold, because a prefix that is written twice counts twice.
pub const MAX_ENTRIES: usize = 8 * MOST_RANGES as usize;

/// Reads a list called `name` from its text.
///
/// # Errors
/// [`SourceError`] if the text has too many prefixes or none, or has an invalid line.
pub fn parse(text: &[u8], name: &str) -> Result<List, SourceError> {
    let list = || name.to_owned();
    let entries = entries(text, name, MAX_ENTRIES)?;
    if entries.is_empty() {
        return Err(SourceError::Empty { list: list() });
    }
    let origin = Origin { name: list(), ..Origin::default() };
    Ok(List { origin, entries, warnings: Vec::new() })
}

fn entries(text: &[u8], name: &str, limit: usize) -> Result<Vec<ListEntry>, SourceError> {
    let list = || name.to_owned();
    let mut entries = Vec::new();
    // `None` until the first line with content, because that line may be a header.
    let mut columns: Option<Columns> = None;
    for (line, content) in line::lines(text) {
        let read = content.and_then(|content| {
            if let Some(columns) = &columns {
                return columns.entry(content, line);
            }
            if line::fields(content).is_empty() {
                return Ok(None);
            }
            let header = Columns::of_header(content)?;
            let is_header = header.is_some();
            let columns = columns.insert(header.unwrap_or_default());
            if is_header { Ok(None) } else { columns.entry(content, line) }
        });
        entries.extend(read.map_err(|problem| SourceError::Line { list: list(), line, problem })?);
        if entries.len() > limit {
            return Err(SourceError::TooMany { list: list(), limit });
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests;
