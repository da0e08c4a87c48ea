//! Frames that once were judged wrongly, or that show a rule of the oracle's, each in a file of its own: cases like all others.
//!
//! A test that finds a new one writes its file here. Say in it why it is kept, and add its name to the list.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{Case, Expected, text};

/// The files are in the program: a virtual machine has no source.
macro_rules! files {
    ($($name:literal),+ $(,)?) => { [$(($name, include_str!(concat!($name, ".txt")))),+] };
}

const FILES: [(&str, &str); 6] = files![
    "arp-is-not-read",
    "authentication-header-of-eight-bytes",
    "authentication-header-over-ipv4",
    "icmp-without-a-header",
    "later-fragment-of-too-little",
    "macsec-is-not-looked-into",
];

pub(super) fn cases() -> Vec<Case> {
    FILES
        .iter()
        .map(|(name, text)| text::read(name, text).unwrap_or_else(|error| panic!("{error:#}")))
        .collect()
}

/// Keeps a frame that was judged wrongly in `directory`; `said` tells by whom and how. Returns its case as a text, and its file:
/// where there is no source, as in a virtual machine, there is nothing to write to.
pub(crate) fn keep(
    directory: &Path,
    name: &str,
    said: &str,
    expected: Expected,
    frame: &[u8],
) -> (String, io::Result<PathBuf>) {
    let text = text::written(&format!("{said}\nTODO: say why it is kept."), expected, frame);
    let path = directory.join(name).with_extension("txt");
    let kept = fs::write(&path, &text).map(|()| path);
    (text, kept)
}

/// Where the files are.
pub(crate) fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("harness/corpus/regressions")
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::{FILES, directory};

    #[test]
    fn every_file_is_in_the_list_and_says_why_it_is_kept() {
        let files: BTreeSet<String> = fs::read_dir(directory())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter_map(|name| name.strip_suffix(".txt").map(str::to_owned))
            .collect();
        let listed: BTreeSet<String> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(files, listed);
        for (name, text) in FILES {
            assert!(!text.contains("TODO"), "{name} does not say yet why it is kept");
        }
    }
}
