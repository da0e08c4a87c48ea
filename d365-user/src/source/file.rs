//! A list in a file. What the file begins with says what it is: a service tags document, what `d365-user
//! ranges --json` has printed, or a plain list.

use std::fs::{self, File};
use std::io::{self, Cursor, Read};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use super::service_tags::{self, Regions};
use super::{Encoding, List, SourceError, plain, printed};

/// How much is looked at to tell what the file is, in bytes: a document's first sign is its first character.
const HEAD: u64 = 1_024;

/// Reads the file at `path` into a list called `name`, and Azure's prefixes where they are asked for and it is a document.
/// Reads to the end of what it is given, a pipe included, or to the limit of size; the limit of time is the caller's
/// ([`super::limit`]). The document of any known cloud is taken: who
/// names a file has chosen it.
///
/// # Errors
/// [`SourceError`]: unreadable, or refused by the format's own reader.
pub(super) fn read(
    path: &Path,
    name: &str,
    keep_azure: bool,
) -> Result<(List, Option<Regions>), SourceError> {
    let unreadable = |cause| SourceError::Read { path: path.to_owned(), cause };
    let mut rest = open(path)?;
    let head = head(&mut rest).map_err(unreadable)?;
    if let Some(encoding) = Encoding::of(&head) {
        return Err(SourceError::Encoded { list: name.to_owned(), encoding });
    }
    let (document, printed) = (is_document(&head), printed::is_printed(&head));
    let whole = Cursor::new(head).chain(rest);
    if !document || printed {
        let text = plain::bytes(whole).map_err(unreadable)?;
        let list = if document { printed::parse(&text, name)? } else { plain::parse(&text, name)? };
        return Ok((list, None));
    }
    match service_tags::read(whole, &service_tags::Options { keep_azure, ..Default::default() }) {
        Ok(mut document) => {
            let azure = document.azure.take();
            Ok((document.into_list(name), azure))
        }
        Err(service_tags::DocumentError::Io(cause)) => Err(unreadable(cause)),
        Err(problem) => Err(SourceError::Document { list: name.to_owned(), problem }),
    }
}

/// Opens a regular file, or a pipe, as a shell makes one of `<(command)`; that waits until somebody writes to it.
///
/// # Errors
/// [`SourceError::Read`], or [`SourceError::NotAFile`] for anything else: a device may never come to its end.
pub fn open(path: &Path) -> Result<File, SourceError> {
    let unreadable = |cause| SourceError::Read { path: path.to_owned(), cause };
    let kind = fs::metadata(path).map_err(unreadable)?.file_type();
    let found = match () {
        () if kind.is_file() || kind.is_fifo() => return File::open(path).map_err(unreadable),
        () if kind.is_dir() => "a directory",
        () if kind.is_socket() => "a socket",
        () => "a device",
    };
    Err(SourceError::NotAFile { path: path.to_owned(), found })
}

fn head(file: &mut File) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    file.by_ref().take(HEAD).read_to_end(&mut head)?;
    Ok(head)
}

/// JSON, or the page that a browser or `curl` saved in its place: no plain list begins like that.
fn is_document(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    matches!(text.first(), Some(b'{' | b'[')) || service_tags::is_markup(text)
}
