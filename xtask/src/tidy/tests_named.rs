//! Names of tests in documents: a name such as `privileged lease::name` must be that of an existing test or
//! module of tests.

use std::collections::BTreeSet;

use super::Finding;

/// The documents that name the tests which verify their statements.
const DOCUMENTS: [&str; 2] = ["SECURITY.md", "docs/testing.md"];

/// The first word of such a name, and the directory with the files.
const TARGETS: [(&str, &str); 5] = [
    ("privileged", "tests/privileged"),
    ("unprivileged", "tests/unprivileged"),
    ("d365-common", "d365-common/src"),
    ("d365-user", "d365-user/src"),
    ("xtask", "xtask/src"),
];

/// `read` returns the text of a tracked file.
pub(super) fn check(
    path: &str,
    text: &str,
    tracked: &BTreeSet<&str>,
    read: &dyn Fn(&str) -> String,
) -> Vec<Finding> {
    if !DOCUMENTS.contains(&path) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let mut found = |line: usize, what: String| findings.push(Finding { path: path.to_owned(), line, what });
    for (line, content) in (1..).zip(text.lines()) {
        if content.matches('`').count() % 2 == 1 {
            found(
                line,
                "a name in backticks on more than one line is not checked: keep it on one line".to_owned(),
            );
        }
        // Every second part is between backticks.
        for span in content.split('`').skip(1).step_by(2) {
            if let Some((dir, name)) = named(span)
                && !is_there(dir, name, tracked, read)
            {
                found(line, format!("`{span}` is no test and no module of tests: name one that is there"));
            }
        }
    }
    findings
}

/// Returns the directory and the name, if `span` has the form of a test's name.
fn named(span: &str) -> Option<(&'static str, &str)> {
    let (target, name) = span.split_once(' ')?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == ':');
    let (_, dir) = TARGETS.iter().find(|(word, _)| *word == target)?;
    is_name.then_some((*dir, name))
}

/// Returns true if `name` is a module's file, or a function in one. The file's own module `tests` may be
/// between the two.
fn is_there(dir: &str, name: &str, tracked: &BTreeSet<&str>, read: &dyn Fn(&str) -> String) -> bool {
    let file = |modules: &[&str]| {
        let module = format!("{dir}/{}", modules.join("/"));
        [format!("{module}.rs"), format!("{module}/mod.rs")]
            .into_iter()
            .find(|file| tracked.contains(file.as_str()))
    };
    let parts: Vec<&str> = name.split("::").collect();
    if file(&parts).is_some() {
        return true;
    }
    let Some((function, modules)) = parts.split_last() else { return false };
    let own = modules.split_last().filter(|(last, _)| **last == "tests").map(|(_, above)| above);
    let file = file(modules).or_else(|| file(own?));
    file.is_some_and(|file| read(&file).contains(&format!("fn {function}(")))
}

#[cfg(test)]
mod tests {
    use super::{super::NOTHING, *};

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let tracked = BTreeSet::from([
            "d365-user/src/tag/mark.rs",
            "tests/privileged/lease.rs",
            "tests/privileged/updates/mod.rs",
        ]);
        let read = |path: &str| {
            let function = if path == "d365-user/src/tag/mark.rs" { "a_mark" } else { "it_runs_out" };
            format!("#[test]\nfn {function}() {{}}\n")
        };
        check(path, text, &tracked, &read).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_test_that_is_named_is_there() {
        let text = "`privileged lease::it_runs_out` `privileged lease` `privileged updates`\n\
                    `privileged lease::it_runs` and `privileged leases`\n\
                    `d365-user tag::mark::tests::a_mark`\n`d365-user tag::mark::tests::it_runs_out`\n\
                    `unprivileged lease`\n";
        assert_eq!(lines("SECURITY.md", text), [2, 2, 4, 5]);
        assert_eq!(lines("SECURITY.md", "`privileged\nlease`\n"), [1, 2], "it would not be seen");
        assert_eq!(lines("docs/tags.md", text), NOTHING);
    }

    #[test]
    fn other_names_in_backticks_are_left_alone() {
        assert_eq!(
            lines("SECURITY.md", "`d365-user --iface eth0`, `cargo xtask test`, privileged lease\n"),
            NOTHING
        );
    }
}
