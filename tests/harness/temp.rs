//! Files and directories for one test, which are removed when dropped.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

/// A path in the temporary directory that nobody else uses.
#[derive(Debug)]
pub struct TempFile(PathBuf);

impl TempFile {
    /// Writes a file with this content. Panics if it cannot be written.
    pub fn new(name: &str, content: impl AsRef<[u8]>) -> Self {
        let file = Self::reserve(name);
        std::fs::write(file.path(), content).expect("the temporary directory can be written to");
        file
    }

    /// A path at which nothing exists yet.
    pub fn reserve(name: &str) -> Self {
        Self(unique(name))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A directory that nobody else uses.
#[derive(Debug)]
pub struct TempDir(PathBuf);

impl TempDir {
    /// Makes an empty directory. Panics if it cannot be made.
    pub fn new(name: &str) -> Self {
        let directory = Self(unique(name));
        std::fs::create_dir(directory.path()).expect("the temporary directory can be written to");
        directory
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path of a file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn unique(name: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    crate::environment::temporary().join(format!("d365-{name}-{}-{number}", std::process::id()))
}
