//! The fuzz targets and their limits.

/// A target of `tests/fuzz`.
pub(super) struct Target {
    /// The name of its binary and of its directories.
    pub(super) name: &'static str,
    /// The longest input, in bytes: long enough for every case that the code distinguishes, and short enough
    /// to be quick.
    longest: u32,
    /// The largest single allocation, in MiB. The target itself (`tests/fuzz/fuzz_targets`) states and checks
    /// the most memory at one time, and the second of processor time that an input may take.
    largest_allocation: u32,
}

/// Seconds after which an input counts as one that never ends. This is wall-clock time: on a busy machine, a
/// program that needs a millisecond can wait for seconds.
const TIMEOUT: u32 = 30;
/// Memory of a whole fuzzer in MiB. It includes the sanitizer's own memory and libFuzzer's tables.
const MEMORY: u32 = 1024;

pub(super) const ALL: [Target; 6] = [
    // Two tags, an IPv6 header, seven extension headers and TCP, with room for long headers.
    Target { name: "packet", longest: 2048, largest_allocation: 1 },
    // The tag's entries of a real document are some 20 KB.
    Target { name: "service_tags", longest: 32 << 10, largest_allocation: 2 },
    Target { name: "plain_list", longest: 8 << 10, largest_allocation: 2 },
    Target { name: "download_page", longest: 16 << 10, largest_allocation: 1 },
    Target { name: "state_file", longest: 8 << 10, largest_allocation: 1 },
    Target { name: "configuration", longest: 2048, largest_allocation: 4 },
];

impl Target {
    /// libFuzzer's arguments for these limits.
    pub(super) fn limits(&self) -> [String; 4] {
        [
            format!("-timeout={TIMEOUT}"),
            format!("-rss_limit_mb={MEMORY}"),
            format!("-malloc_limit_mb={}", self.largest_allocation),
            format!("-max_len={}", self.longest),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::*;

    fn names(directory: &str, extension: &str) -> BTreeSet<String> {
        let directory = crate::cargo::workspace().join("tests/fuzz").join(directory);
        let names =
            fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter_map(|name| name.strip_suffix(extension).map(str::to_owned)).collect()
    }

    #[test]
    fn every_target_is_there_with_its_seeds() {
        let known = BTreeSet::from(ALL.map(|target| target.name.to_owned()));
        assert_eq!(names("seeds", ""), known);
        for (directory, others) in [("fuzz_targets", "limits"), ("properties", "mod")] {
            let mut there = names(directory, ".rs");
            assert!(there.remove(others), "{others}");
            assert_eq!(there, known, "{directory}");
        }
        assert!(names("dictionaries", ".dict").is_subset(&known));
    }
}
