//! Frames that were once classified wrongly, or that show a rule of the oracle. Each has its own file, and is
//! a case like all others.
//!
//! A test that finds a new one writes its file here. Write the reason for keeping it into the file, and add
//! its name to the list.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{Case, Expected, text};

/// The program contains the files, because a virtual machine has no source tree.
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

/// Saves a frame that was classified wrongly in `directory`. `said` describes the wrong results. Returns the
/// case as text, and the path of its file. The write fails where there is no source tree, as in a virtual
/// machine.
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
