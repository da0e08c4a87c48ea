//! The vendor's documents for tests. [`made`] writes small ones in the vendor's format, so that every test
//! runs everywhere. If the real ones are next to the repository (`../shared/data`), the same tests read them
//! as well, with the same assertions. Both sets have documents of the same names.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use crate::temp::TempFile;

pub mod made;

/// The made documentation page. Its table is a fact of the repository: the documented ranges of the embedded
/// list.
const TABLE: &str = include_str!("documentation-table.md");

/// A set of documents. Every name exists in each set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Documents {
    /// Made by [`made`].
    Made,
    /// The vendor's own, in this directory.
    Real(PathBuf),
}

impl Documents {
    /// The made documents, and the real ones if they exist.
    pub fn all() -> Vec<Self> {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace");
        let real = workspace.join("../shared/data");
        let real = real.is_dir().then_some(Self::Real(real));
        [Self::Made].into_iter().chain(real).collect()
    }

    /// Returns a service tags document by its name.
    ///
    /// # Panics
    /// If no document has this name. The other functions panic in the same way.
    pub fn document(&self, name: &str) -> Vec<u8> {
        match self {
            Self::Made => {
                made::document(name).unwrap_or_else(|| panic!("no document is made as {name}")).into()
            }
            Self::Real(data) => read(&data.join("service-tags").join(name)),
        }
    }

    /// Returns the same document in a file.
    pub fn file(&self, name: &str) -> TempFile {
        TempFile::new(name, self.document(name))
    }

    /// The tag at the date of the embedded list: a line for each prefix, with its Azure region and the
    /// documented geo or `-`.
    pub fn newest_tag(&self) -> String {
        match self {
            Self::Made => made::newest_tag(),
            Self::Real(data) => text(&data.join("service-tags/public-2026-08-03-cn412-d365-prefixes.tsv")),
        }
    }

    /// The documentation page with the table of geo codes.
    pub fn page(&self) -> String {
        match self {
            Self::Made => TABLE.to_owned(),
            Self::Real(data) => text(&data.join("documentation-table.md")),
        }
    }

    /// The answers of a failing server instead of a document, each with its name.
    pub fn rejected(&self) -> Vec<(String, Vec<u8>)> {
        match self {
            Self::Made => made::REJECTED.map(|(name, text)| (name.to_owned(), text.into())).into(),
            Self::Real(data) => {
                let folder = data.join("service-tags/rejected");
                let files =
                    fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
                let file = |file: std::io::Result<fs::DirEntry>| {
                    let path = file.expect("a readable directory").path();
                    let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
                    (name, read(&path))
                };
                let mut all: Vec<_> = files.map(file).collect();
                all.sort();
                all
            }
        }
    }
}

/// Shown in messages of tests.
impl fmt::Display for Documents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Made => f.write_str("the made documents"),
            Self::Real(data) => write!(f, "the documents in {}", data.display()),
        }
    }
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn text(path: &Path) -> String {
    String::from_utf8(read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sets_have_the_same_names() {
        for documents in Documents::all() {
            for name in made::names() {
                assert!(documents.document(name).trim_ascii_start().starts_with(b"{"), "{documents}: {name}");
            }
            let rejected: Vec<_> = documents.rejected().into_iter().map(|(name, _)| name).collect();
            assert_eq!(rejected, made::REJECTED.map(|(name, _)| name), "{documents}");
            assert_eq!(documents.newest_tag().lines().filter(|line| !line.starts_with('#')).count(), 39);
            let page = documents.page();
            let rows = page.lines().filter(|line| line.starts_with('|') && line.contains("/2"));
            assert_eq!(rows.count(), 15, "{documents}");
        }
    }
}
