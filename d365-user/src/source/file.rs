//! A list in a file. Its first bytes determine the format: a service tags document, the output of
//! `d365-user ranges --json`, or a plain list.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, poll};

use super::kind::{ListSource, Schedule, Trust};
use super::service_tags::{self, Regions};
use super::{Encoding, List, MAX_BYTES, Reason, SourceError, head, plain, printed};

/// Milliseconds between two looks if a pipe without a writer still has its path.
const LOOK: u16 = 1_000;

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

    fn failure_reasons(&self) -> Vec<Reason> {
        Reason::of_file()
    }

    /// The document may be of any known cloud, because the operator chose the file.
    fn load(&self, keep_azure: bool) -> Result<(List, Option<Regions>), SourceError> {
        let name = self.name();
        let text = read(self, &name)?;
        if !is_document(&text) {
            return Ok((plain::parse(&text, &name)?, None));
        }
        if printed::is_printed(&text) {
            return Ok((printed::parse(&text, &name)?, None));
        }
        let options = service_tags::Options { keep_azure, ..Default::default() };
        let mut document = service_tags::read(&text, &options)
            .map_err(|problem| SourceError::Document { list: name.clone(), problem })?;
        document.list.origin.name = name;
        Ok((document.list, document.azure))
    }
}

/// Reads the list called `name`: the whole file or pipe, up to the size limit. The caller sets the time limit
/// ([`super::limit`]).
///
/// # Errors
/// [`SourceError`] if the file cannot be opened or read, is encoded, or is too large.
pub fn read(path: &Path, name: &str) -> Result<Vec<u8>, SourceError> {
    let mut text = Vec::new();
    open(path)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut text)
        .map_err(|cause| SourceError::Read { path: path.to_owned(), cause })?;
    if let Some(encoding) = Encoding::of(&text) {
        return Err(SourceError::Encoded { list: name.to_owned(), encoding });
    }
    if text.len() as u64 > MAX_BYTES {
        return Err(SourceError::TooLarge { list: name.to_owned(), limit: MAX_BYTES });
    }
    Ok(text)
}

/// Opens a regular file, or a pipe such as a shell creates for `<(command)`. Opening a pipe waits until a
/// writer writes. If another file takes the path meanwhile, that file is opened.
///
/// # Errors
/// [`SourceError::Read`], or [`SourceError::NotAFile`] for any other kind of file: reading a device may never
/// end.
fn open(path: &Path) -> Result<File, SourceError> {
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
/// on a pipe that no writer can reach any more.
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

/// True for JSON, and for a web page or XML that a browser or `curl` saved in its place. No plain list begins
/// like these.
fn is_document(text: &[u8]) -> bool {
    matches!(head(text).first(), Some(b'{' | b'[')) || service_tags::is_markup(text)
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

    #[test]
    fn the_limit_of_bytes_is_exact() {
        let path = std::env::temp_dir().join(format!("d365-long-{}", std::process::id()));
        let file = File::create(&path).unwrap();
        file.set_len(MAX_BYTES).unwrap();
        assert_eq!(read(&path, "a").unwrap().len() as u64, MAX_BYTES);
        file.set_len(MAX_BYTES + 1).unwrap();
        let error = read(&path, "a").unwrap_err();
        assert_eq!(error.reason(), Reason::TooLarge);
        assert!(error.to_string().starts_with("a: larger than 33554432 bytes, "), "{error}");
        fs::remove_file(&path).unwrap();
    }
}
