//! Files for one test, removed when dropped.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

/// A path in the temporary directory that nobody else uses.
#[derive(Debug)]
pub struct TempFile(PathBuf);

impl TempFile {
    /// A file with this text; panics when it cannot be written.
    pub fn new(name: &str, text: &str) -> Self {
        let file = Self::reserve(name);
        std::fs::write(file.path(), text).expect("the temporary directory can be written to");
        file
    }

    /// A path with nothing there yet.
    pub fn reserve(name: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("d365-{name}-{}-{number}", std::process::id())))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
