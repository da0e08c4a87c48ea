//! The bytes of a document: counted, without a byte order mark, and seen before the JSON reader sees them.

use std::io::{self, Read};

use super::DocumentError;

/// How much is looked at to tell what the input is, in bytes.
const HEAD: u64 = 1_024;
/// The byte order mark of UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// An input that ends in an error behind its limit.
pub(super) struct Input<R> {
    reader: R,
    limit: u64,
    left: u64,
    exceeded: bool,
}

impl<R: Read> Input<R> {
    pub(super) fn new(reader: R, limit: u64) -> Self {
        Self { reader, limit, left: limit, exceeded: false }
    }

    /// The beginning, without a byte order mark, and with something else than white space in it: nothing when there is
    /// nothing else.
    pub(super) fn head(&mut self) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        self.by_ref().take(HEAD).read_to_end(&mut head)?;
        if head.starts_with(MARK) {
            head.drain(..MARK.len());
        }
        while !head.is_empty() && head.trim_ascii().is_empty() {
            head.clear();
            self.by_ref().take(HEAD).read_to_end(&mut head)?;
        }
        Ok(head)
    }

    /// Why this input is refused, when the JSON reader gave `error`.
    pub(super) fn refused(&self, error: serde_json::Error) -> DocumentError {
        if self.exceeded { DocumentError::TooLarge { limit: self.limit } } else { error.into() }
    }
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !buffer.is_empty() {
            // At the limit it may end, and nothing else.
            let more = self.reader.read(&mut [0])?;
            self.exceeded |= more > 0;
            return if self.exceeded { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(0) };
        }
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let count = self.reader.read(&mut buffer[..most])?;
        self.left = self.left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        Ok(count)
    }
}

/// What a download gives on bad days, by its beginning.
pub(super) fn other_than_json(head: &[u8]) -> Option<DocumentError> {
    let text = head.trim_ascii_start();
    match text.first() {
        None => Some(DocumentError::Empty),
        Some(b'<') => Some(markup(text)),
        Some(_) => None,
    }
}

/// Web pages do not always begin like one: a comment or an XML declaration may stand first.
fn markup(text: &[u8]) -> DocumentError {
    let text = text.to_ascii_lowercase();
    let holds = |tag: &[u8]| text.windows(tag.len()).any(|window| window == tag);
    let page = [&b"<html"[..], b"<!doctype html", b"<head", b"<body"].into_iter().any(holds);
    if page { DocumentError::Html } else { DocumentError::Xml }
}
