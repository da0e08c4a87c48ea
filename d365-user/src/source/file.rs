//! A list in a file. Its first bytes determine the format: a service tags document, the output of
//! `d365-user ranges --json`, or a plain list.

use std::fs::{self, File};
use std::io::{self, Cursor, Read};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use super::kind::{ListSource, Schedule, Trust};
use super::service_tags::{self, DocumentError, Regions};
use super::{Encoding, List, SourceError, plain, printed};

/// Bytes that are read to determine the format. The first character already identifies a document.
const HEAD: u64 = 1_024;

/// A path is a source: the list in its file.
impl ListSource for PathBuf {
    fn name(&self) -> String {
        format!("file:{}", self.display())
    }

    fn schedule(&self) -> Schedule<'_> {
        Schedule::OnChange(self)
    }

    fn trust(&self) -> Option<Trust> {
        Some(Trust::Local)
    }

    fn failure_reasons(&self) -> Vec<&'static str> {
        let own = SourceError::REASONS.iter().filter(|reason| **reason != "remote");
        own.chain(&DocumentError::REASONS).copied().collect()
    }

    fn load(&self, keep_azure: bool) -> Result<(List, Option<Regions>), SourceError> {
        read(self, &self.name(), keep_azure)
    }
}

/// Reads the file at `path` into a list called `name`. With `keep_azure`, it also returns Azure's prefixes,
/// if the file is a service tags document. It reads to the end of the file or pipe, or to the size limit. The
/// caller sets the time limit ([`super::limit`]). The document may be of any known cloud, because the
/// operator chose the file.
///
/// # Errors
/// [`SourceError`] if the file cannot be read, or if the reader of its format rejects it.
fn read(path: &Path, name: &str, keep_azure: bool) -> Result<(List, Option<Regions>), SourceError> {
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
        Err(DocumentError::Io(cause)) => Err(unreadable(cause)),
        Err(problem) => Err(SourceError::Document { list: name.to_owned(), problem }),
    }
}

/// Opens a regular file, or a pipe such as a shell creates for `<(command)`. Opening a pipe waits until a
/// writer opens it.
///
/// # Errors
/// [`SourceError::Read`], or [`SourceError::NotAFile`] for any other kind of file: reading a device may never
/// end.
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

/// True for JSON, and for a web page or XML that a browser or `curl` saved in its place. No plain list begins
/// like these.
fn is_document(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    matches!(text.first(), Some(b'{' | b'[')) || service_tags::is_markup(text)
}
