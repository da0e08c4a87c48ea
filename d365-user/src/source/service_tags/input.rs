//! The bytes of a document. The input counts them and removes a byte order mark. The first bytes are checked
//! before the JSON reader reads them.

use std::io::{self, Read};

use super::DocumentError;
use crate::source::Encoding;

/// Bytes that are read at once to recognise the kind of input.
const HEAD: u64 = 1_024;
/// The byte order mark of UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// A reader that returns an error for the first byte beyond its limit.
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

    /// Returns the first bytes, without a byte order mark. They contain more than white space. The result is
    /// empty if the whole input is white space.
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

    /// Returns the reason why this input is rejected, after the JSON reader returned `error`.
    pub(super) fn refused(&self, error: serde_json::Error) -> DocumentError {
        if self.exceeded { DocumentError::TooLarge { limit: self.limit } } else { error.into() }
    }
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !buffer.is_empty() {
            // At the limit the input may end. Any further byte is an error.
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

/// Recognises by its first bytes an input that is not JSON, as a failed download may return it.
pub(super) fn other_than_json(head: &[u8]) -> Option<DocumentError> {
    if let Some(encoding) = Encoding::of(head) {
        return Some(DocumentError::Encoded(encoding));
    }
    let text = head.trim_ascii_start();
    if text.is_empty() { Some(DocumentError::Empty) } else { markup(text) }
}

/// Elements of web pages. A page may also begin with a comment, an XML declaration or a fragment.
const PAGE: [&[u8]; 14] = [
    b"<html",
    b"<!doctype html",
    b"<head",
    b"<body",
    b"<title",
    b"<meta",
    b"<script",
    b"<style",
    b"<h1",
    b"<p>",
    b"<div",
    b"<center",
    b"<table",
    b"<br",
];

/// Recognises a web page or XML. A text that only begins with `<` is neither.
pub(super) fn markup(text: &[u8]) -> Option<DocumentError> {
    let is_begun = text.first() == Some(&b'<');
    let text = text.to_ascii_lowercase();
    let holds = |tag: &&[u8]| text.windows(tag.len()).any(|window| window == *tag);
    if is_begun && PAGE.iter().any(holds) {
        Some(DocumentError::Html)
    } else {
        is_xml(&text).then_some(DocumentError::Xml)
    }
}

/// True for a declaration, a comment, or an element with its name: `<Error>`, `<a:b/>`, `<a b="c">`.
fn is_xml(text: &[u8]) -> bool {
    if [&b"<?xml"[..], b"<!doctype", b"<!--"].iter().any(|begin| text.starts_with(begin)) {
        return true;
    }
    let Some(element) = text.strip_prefix(b"<") else { return false };
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || b":._-".contains(*byte);
    let (name, rest) = element.split_at(element.iter().take_while(is_part).count());
    let inside = rest.split(|byte| *byte == b'>').next().unwrap_or_default();
    name.first().is_some_and(u8::is_ascii_alphabetic)
        && (rest.starts_with(b">") || rest.starts_with(b"/>") || inside.contains(&b'='))
}
