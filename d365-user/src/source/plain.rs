//! The operator's own list in a file: one `prefix[,geo[,region]]` a line, `#` begins a comment, blank lines count for
//! nothing; UTF-8 with or without a byte order mark, LF or CRLF. A bare address is one host. One bad line refuses the file:
//! half a list is worse than none, because nobody sees which half.
//!
//! A list may begin with a header line that names its columns ([`Columns`]), as those lists do that this
//! project prints.

use std::io::{self, Read};

use super::columns::Columns;
use super::line;
use super::{List, Origin, Record, SourceError};

/// The largest file, in bytes: seven times the vendor's largest document.
pub const MAX_BYTES: u64 = 32 << 20;
/// The most prefixes, the same one written twice counting as two: four times what a set can take
/// ([`crate::ranges::Policy::HIGHEST_MAX_RANGES`]).
pub const MAX_RECORDS: usize = 1 << 20;

/// The whole text, or as much of it as shows that it is too long.
pub(super) fn bytes(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    reader.take(MAX_BYTES + 1).read_to_end(&mut text)?;
    Ok(text)
}

/// Reads a list called `name` from its text.
///
/// # Errors
/// [`SourceError`]: too large, too many prefixes, without a prefix, or with a line that is wrong.
pub fn parse(text: &[u8], name: &str) -> Result<List, SourceError> {
    let list = || name.to_owned();
    if u64::try_from(text.len()).map_or(true, |length| length > MAX_BYTES) {
        return Err(SourceError::TooLarge { list: list(), limit: MAX_BYTES });
    }
    let records = records(text, name, MAX_RECORDS)?;
    if records.is_empty() {
        return Err(SourceError::Empty { list: list() });
    }
    let origin = Origin { name: list(), ..Origin::default() };
    Ok(List { origin, records, warnings: Vec::new() })
}

fn records(text: &[u8], name: &str, limit: usize) -> Result<Vec<Record>, SourceError> {
    let list = || name.to_owned();
    let mut records = Vec::new();
    // None until the first line with content: it may be a header.
    let mut columns: Option<Columns> = None;
    for (line, content) in line::lines(text) {
        let read = content.and_then(|content| {
            if let Some(columns) = &columns {
                return columns.record(content, line);
            }
            if line::fields(content).is_empty() {
                return Ok(None);
            }
            let header = Columns::of_header(content)?;
            let is_header = header.is_some();
            let columns = columns.insert(header.unwrap_or_default());
            if is_header { Ok(None) } else { columns.record(content, line) }
        });
        records.extend(read.map_err(|problem| SourceError::Line { list: list(), line, problem })?);
        if records.len() > limit {
            return Err(SourceError::TooMany { list: list(), limit });
        }
    }
    Ok(records)
}

#[cfg(test)]
mod tests;
