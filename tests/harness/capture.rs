//! Collects a child's output while the child runs, so that no pipe fills up.

use std::{
    io::Read,
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

use anyhow::{Context as _, Result};

use crate::{child::Child, listening::lock};

/// Standard output and standard error of a child.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) stdout: Capture,
    pub(crate) stderr: Capture,
}

/// A stream that a thread of its own reads to the end.
#[derive(Debug)]
pub(crate) struct Capture {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Output {
    /// Takes both streams of a child, which must be piped.
    pub(crate) fn of(child: &mut Child) -> Result<Self> {
        let stdout = Capture::start(child.take_stdout().context("no standard output")?);
        let stderr = Capture::start(child.take_stderr().context("no standard error")?);
        Ok(Self { stdout, stderr })
    }
}

impl Capture {
    pub(crate) fn start(mut stream: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(length @ 1..) = stream.read(&mut chunk) {
                lock(&written).extend(&chunk[..length]);
            }
        });
        Self { bytes, reader: Some(reader) }
    }

    /// Returns the output up to now.
    pub(crate) fn so_far(&self) -> String {
        String::from_utf8_lossy(&lock(&self.bytes)).into_owned()
    }

    /// Returns the whole output. Waits for the end of the stream, so the child must have ended.
    pub(crate) fn whole(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        self.so_far()
    }
}
