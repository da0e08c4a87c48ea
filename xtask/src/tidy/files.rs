//! Rules for whole files: Rust source opens with its purpose and stays small, and each crate's manifest takes
//! the workspace's lints, which include the one on `unsafe` without a reason.

use super::Finding;

/// A longer file does more than one thing.
const MAX_LINES: usize = 350;
/// The lint that a crate which is its own workspace denies itself.
const OWN: &str = "undocumented_unsafe_blocks = \"deny\"\n";

pub(super) fn source(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut found = |line: usize, what: String| findings.push(Finding { path: path.to_owned(), line, what });
    if !text.starts_with("//! ") {
        found(1, "no module documentation: begin with `//! ` and what this file is for".to_owned());
    }
    let lines = text.lines().count();
    if lines > MAX_LINES {
        found(MAX_LINES, format!("{lines} lines: split it by purpose into files of {MAX_LINES} at most"));
    }
    findings
}

pub(super) fn manifest(path: &str, text: &str) -> Option<Finding> {
    let has = |section: &str| text.lines().any(|line| line == section);
    let takes_them = text.contains("[lints]\nworkspace = true\n");
    if !has("[package]") || takes_them || (has("[workspace]") && text.contains(OWN)) {
        return None;
    }
    let what = "a crate without the workspace's lints: add [lints] and workspace = true, or, where it is its own \
                workspace, undocumented_unsafe_blocks = \"deny\" below [lints.clippy]";
    Some(Finding { path: path.to_owned(), line: text.lines().count(), what: what.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::{super::NOTHING, *};

    #[test]
    fn a_file_states_its_purpose_and_stays_small() {
        let lines = |text: &str| source("x.rs", text).iter().map(|f| f.line).collect::<Vec<_>>();
        assert_eq!(lines("//! For this.\nfn f() {}\n"), NOTHING);
        assert_eq!(lines("// For this.\n"), [1]);
        assert_eq!(lines(""), [1]);
        let lines_of = |n: usize| format!("//! For this.\n{}", "\n".repeat(n - 1));
        assert_eq!(lines(&lines_of(MAX_LINES)), NOTHING);
        assert_eq!(lines(&lines_of(MAX_LINES + 1)), [MAX_LINES]);
    }

    #[test]
    fn a_crate_takes_the_workspaces_lints() {
        let line = |text: &str| manifest("a/Cargo.toml", text).map(|finding| finding.line);
        assert_eq!(line("[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n"), None);
        assert_eq!(line("[workspace]\n"), None);
        let own = "[package]\nname = \"a\"\n\n[lints.clippy]\nundocumented_unsafe_blocks = \"deny\"\n";
        assert_eq!(line(own), Some(5));
        assert_eq!(line(&format!("[workspace]\n{own}")), None);
    }
}
