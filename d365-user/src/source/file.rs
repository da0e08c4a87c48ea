//! A list in a file. Its first bytes determine the format: a service tags document, the output of
//! `d365-user ranges --json`, or a plain list.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Cursor, Read};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, poll};

use super::kind::{ListSource, Schedule, Trust};
use super::service_tags::{self, DocumentError, Regions};
use super::{Encoding, List, SourceError, plain, printed};

/// Milliseconds between two looks if a pipe without a writer still has its path.
const LOOK: u16 = 1_000;
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
/// writer writes. If another file takes the path meanwhile, that file is opened.
///
/// # Errors
/// [`SourceError::Read`], or [`SourceError::NotAFile`] for any other kind of file: reading a device may never
/// end.
pub fn open(path: &Path) -> Result<File, SourceError> {
    let unreadable = |cause| SourceError::Read { path: path.to_owned(), cause };
    let kind = fs::metadata(path).map_err(unreadable)?.file_type();
    let found = match () {
        () if kind.is_file() => return File::open(path).map_err(unreadable),
        () if kind.is_fifo() => {
            return match pipe(path).map_err(unreadable)? {
                Some(pipe) => Ok(pipe),
                None => open(path),
            };
        }
        () if kind.is_dir() => "a directory",
        () if kind.is_socket() => "a socket",
        () => "a device",
    };
    Err(SourceError::NotAFile { path: path.to_owned(), found })
}

/// Waits for a writer of a pipe; `None` if the path leads to another file by then. A plain `open` would wait
/// on a pipe that nobody can reach any more.
fn pipe(path: &Path) -> io::Result<Option<File>> {
    let pipe = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    let own = pipe.metadata()?;
    loop {
        match poll(&mut [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)], LOOK) {
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => break,
            Err(error) => return Err(error.into()),
        }
        let now = fs::metadata(path)?;
        if (now.dev(), now.ino()) != (own.dev(), own.ino()) {
            return Ok(None);
        }
    }
    fcntl(&pipe, FcntlArg::F_SETFL(OFlag::empty()))?;
    Ok(Some(pipe))
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

#[cfg(test)]
mod tests {
    use std::thread;

    use nix::{sys::stat::Mode, unistd::mkfifo};

    use super::*;

    #[test]
    fn a_pipe_is_read_and_a_file_in_its_place_too() {
        let directory = std::env::temp_dir().join(format!("d365-pipe-{}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        let path = directory.join("list");
        let read = |path: &PathBuf| {
            let mut text = String::new();
            open(path).unwrap().read_to_string(&mut text).unwrap();
            text
        };
        mkfifo(&path, Mode::S_IRWXU).unwrap();
        for text in ["one\n", "two\n"] {
            thread::scope(|scope| {
                let reading = scope.spawn(|| read(&path));
                fs::write(&path, text).unwrap();
                assert_eq!(reading.join().unwrap(), text);
            });
        }
        thread::scope(|scope| {
            let reading = scope.spawn(|| read(&path));
            fs::write(directory.join("new"), "a file\n").unwrap();
            fs::rename(directory.join("new"), &path).unwrap();
            assert_eq!(reading.join().unwrap(), "a file\n");
        });
        fs::remove_dir_all(&directory).unwrap();
    }
}
