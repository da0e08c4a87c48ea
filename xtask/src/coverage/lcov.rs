//! Reads the export of `llvm-cov`: how many times each line ran. Pure.

use std::{collections::BTreeMap, path::Path};

/// The number of times that each line of a file ran, by the file's path in the workspace. Lines without code
/// are missing.
pub(super) type Lines = BTreeMap<String, BTreeMap<usize, u64>>;

/// Reads an export (`geninfo(1)`) for the measured files. `text` returns a file's text. The lines from a
/// file's own tests on do not count.
pub(super) fn read(export: &str, workspace: &Path, text: &dyn Fn(&str) -> String) -> Lines {
    let mut files = Lines::new();
    let mut file = None;
    for line in export.lines() {
        match line.split_once(':') {
            Some(("SF", path)) => {
                let path =
                    Path::new(path).strip_prefix(workspace).ok().filter(|path| super::is_measured(path));
                file = path.map(|path| path.to_string_lossy().into_owned()).map(|path| {
                    let end = tests_begin(&text(&path));
                    (path, end)
                });
            }
            Some(("DA", numbers)) => {
                let Some((path, end)) = &file else { continue };
                let Some((line, count)) = line_and_count(numbers).filter(|(line, _)| line < end) else {
                    continue;
                };
                *files.entry(path.clone()).or_default().entry(line).or_default() += count;
            }
            _ => {}
        }
    }
    files
}

/// Reads `LINE,COUNT`, with an optional checksum.
fn line_and_count(numbers: &str) -> Option<(usize, u64)> {
    let mut numbers = numbers.split(',');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The line at which a file's own tests begin; they are at its end.
fn tests_begin(text: &str) -> usize {
    let at = text.find("\n#[cfg(test)]\nmod ");
    at.map_or(usize::MAX, |at| text[..=at].lines().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_their_counts_up_to_the_files_tests() {
        let export = "SF:/w/d365-user/src/a.rs\nFN:1,name:x\nDA:1,5\nDA:2,0\nDA:5,7\nDA:6,7\nend_of_record\n\
                      SF:/w/tests/harness/lib.rs\nDA:1,1\nend_of_record\n\
                      SF:/elsewhere/d365-user/src/a.rs\nDA:1,1\nend_of_record\n";
        let text = |path: &str| {
            assert_eq!(path, "d365-user/src/a.rs");
            "fn a() {\n}\n\nfn b() {}\n\n#[cfg(test)]\nmod tests {\n}\n".to_owned()
        };
        let lines = read(export, Path::new("/w"), &text);
        let expected = BTreeMap::from([(1, 5), (2, 0), (5, 7)]);
        assert_eq!(lines, Lines::from([("d365-user/src/a.rs".to_owned(), expected)]));
    }
}
