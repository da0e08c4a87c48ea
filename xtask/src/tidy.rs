//! The repository's own rules, for the files that git tracks. Most rules are pure functions of one file's
//! text; those on imports, links and names of tests also read other files.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    path::Path,
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::command;

mod english;
mod files;
mod imports;
mod layers;
mod links;
mod paths;
mod tests_named;

/// The place where a rule is broken, and the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    /// Relative to the workspace's directory.
    path: String,
    /// Counted from 1.
    line: usize,
    /// The fault and its remedy.
    what: String,
}

/// No lines, for tests. Other crates implement comparisons of numbers with other types, so the type of `[]`
/// alone is ambiguous.
#[cfg(test)]
const NOTHING: [usize; 0] = [];

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Checks the whole repository, and prints the findings.
pub(crate) fn check(workspace: &Path) -> Result<()> {
    let findings = findings(workspace)?;
    for finding in &findings {
        eprintln!("{finding}");
    }
    ensure!(findings.is_empty(), "tidy: {} finding(s)", findings.len());
    Ok(())
}

fn findings(workspace: &Path) -> Result<Vec<Finding>> {
    let list = command::stdout(Command::new("git").arg("-C").arg(workspace).args(["ls-files", "-z"]))
        .context("tidy asks git which files are ours")?;
    let tracked: BTreeSet<&str> =
        list.split_terminator('\0').filter(|path| workspace.join(path).is_file()).collect();
    let mut findings = layers::missing(&tracked);
    let mut sources = BTreeMap::new();
    for &path in &tracked {
        let Some(extension @ ("rs" | "toml" | "md")) = path.rsplit_once('.').map(|(_, extension)| extension)
        else {
            continue;
        };
        let text = fs::read_to_string(workspace.join(path)).with_context(|| format!("cannot read {path}"))?;
        if extension == "rs" {
            findings.extend(files::source(path, &text));
            findings.extend(layers::check(path, &text));
            sources.insert(path.to_owned(), text.clone());
        }
        if path.ends_with("Cargo.toml") {
            findings.extend(files::manifest(path, &text));
        }
        // The harness has texts in the form of the vendor's.
        if extension != "toml" && !path.starts_with("tests/harness/vendor/documentation") {
            findings.extend(english::check(path, &text));
        }
        if extension == "md" {
            findings.extend(links::check(path, &text, &tracked));
            let read = |path: &str| fs::read_to_string(workspace.join(path)).unwrap_or_default();
            findings.extend(tests_named::check(path, &text, &tracked, &read));
        }
    }
    findings.extend(imports::check(&sources));
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        let findings = findings(&crate::cargo::workspace()).unwrap();
        let list: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(list.is_empty(), "\n{}", list.join("\n"));
    }
}
