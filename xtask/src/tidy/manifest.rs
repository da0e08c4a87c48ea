//! A rule for each crate's manifest: the crate takes the workspace's lints, which include the one on `unsafe`
//! without a reason. A crate that is its own workspace denies that lint itself.

use super::Finding;

const OWN: &str = "undocumented_unsafe_blocks = \"deny\"\n";

pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let has = |section: &str| text.lines().any(|line| line == section);
    let takes_them = text.contains("[lints]\nworkspace = true\n");
    if !has("[package]") || takes_them || (has("[workspace]") && text.contains(OWN)) {
        return Vec::new();
    }
    let what = "a crate without the workspace's lints: add [lints] and workspace = true, or, where it is its own \
                workspace, undocumented_unsafe_blocks = \"deny\" below [lints.clippy]";
    vec![Finding { path: path.to_owned(), line: text.lines().count(), what: what.to_owned() }]
}

#[cfg(test)]
mod tests {
    use super::{super::NOTHING, *};

    fn lines(text: &str) -> Vec<usize> {
        check("a/Cargo.toml", text).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_crate_takes_the_workspaces_lints() {
        assert_eq!(lines("[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n"), NOTHING);
        assert_eq!(lines("[workspace]\n"), NOTHING);
        let own = "[package]\nname = \"a\"\n\n[lints.clippy]\nundocumented_unsafe_blocks = \"deny\"\n";
        assert_eq!(lines(own), [5]);
        assert_eq!(lines(&format!("[workspace]\n{own}")), NOTHING);
    }
}
