//! Rules on the imports between the files of a crate: no circle, and in the daemon only from lower floors.
//! Tests are left out.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Finding, layers,
    paths::{self, Named},
};

/// The modules of `d365-user/src` by floor. A file imports only its own module and modules of lower floors.
const FLOORS: [&[&str]; 13] = [
    &["exit", "version", "geo", "settings", "tag", "resources", "service_manager", "start_over"],
    &["state", "logging", "shutdown"],
    &["published"],
    &["source"],
    &["ranges"],
    &["gate", "generation"],
    &["snapshot"],
    &["process", "view", "export", "kernel"],
    &["counters", "http", "cli"],
    &["config", "state_files"],
    &["runtime"],
    &["updater", "command"],
    &["daemon"],
];
const DAEMON: &str = "d365-user/src/";
/// Crates whose imports are checked.
const CRATES: [&str; 3] = [DAEMON, "d365-common/src/", "d365-ebpf/src/"];
/// Re-exports that are followed to the file of a name.
const DEPTH: usize = 5;

/// Checks all crates; `files` has the path and the text of every Rust file.
pub(super) fn check(files: &BTreeMap<String, String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for root in CRATES {
        let own = files.iter().filter(|(path, _)| !layers::is_test_file(path));
        let own = own.filter_map(|(path, text)| Some((path.strip_prefix(root)?, text.as_str())));
        let graph = Graph::new(own.filter(|(path, _)| *path != "main.rs"));
        let found = |(path, what): (&str, String)| Finding { path: format!("{root}{path}"), line: 1, what };
        findings.extend(graph.circles().into_iter().map(found));
        if root == DAEMON {
            findings.extend(graph.upward().into_iter().map(found));
            findings.extend(graph.unknown().into_iter().map(found));
        }
    }
    findings
}

type Path = Vec<String>;

/// The files of a crate and their imports.
struct Graph<'a> {
    modules: BTreeMap<Path, &'a str>,
    /// The names that a module re-exports, with their full paths.
    exports: BTreeMap<Path, BTreeMap<String, Path>>,
    edges: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Graph<'a> {
    fn new(files: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let named: BTreeMap<&str, Vec<Named>> = files
            .map(|(path, text)| {
                (path, paths::of(text).into_iter().filter(|named| named.path.len() > 1).collect())
            })
            .collect();
        let modules = named.keys().map(|path| (module(path), *path)).collect();
        let mut graph = Self { modules, exports: BTreeMap::new(), edges: BTreeMap::new() };
        for (path, named) in &named {
            let own = module(path);
            let exported = named.iter().filter(|named| named.is_exported).map(|named| &named.path);
            let exported = graph.bound(&own, exported);
            graph.exports.insert(own, exported);
        }
        for (path, named) in &named {
            let edges = graph.imports(path, named);
            graph.edges.insert(path, edges);
        }
        graph
    }

    /// The full paths of these names in a module, each by its last part.
    fn bound<'b>(&self, own: &Path, names: impl Iterator<Item = &'b Path>) -> BTreeMap<String, Path> {
        let full = names.filter_map(|name| self.absolute(own, name, &BTreeMap::new()));
        full.filter_map(|full| Some((full.last()?.clone(), full))).collect()
    }

    /// The files that a file imports. Re-exporting a part of the own module is no import.
    fn imports(&self, path: &str, named: &[Named]) -> BTreeSet<&'a str> {
        let own = module(path);
        let is_below = |name: &Path| {
            self.absolute(&own, name, &BTreeMap::new()).is_some_and(|full| full.starts_with(&own))
        };
        let imported = named.iter().filter(|named| !named.is_exported || !is_below(&named.path));
        let imported: Vec<&Path> = imported.map(|named| &named.path).collect();
        let bound = self.bound(&own, imported.iter().copied());
        let full = imported.iter().filter_map(|name| self.absolute(&own, name, &bound));
        full.filter_map(|full| self.file(&full, DEPTH)).filter(|file| *file != path).collect()
    }

    /// The full path of a name in a module, without `crate`; `None` for names of other crates. `bound` has
    /// the module's imports.
    fn absolute(&self, own: &Path, name: &Path, bound: &BTreeMap<String, Path>) -> Option<Path> {
        let mut parts = name.clone();
        if parts.last().is_some_and(|last| last == "self") {
            parts.pop();
        }
        let ups = parts.iter().take_while(|part| *part == "super").count();
        let rest = |count: usize| parts[count..].to_vec();
        match parts.first()?.as_str() {
            "crate" => Some(rest(1)),
            "self" => Some([own.clone(), rest(1)].concat()),
            "super" => Some([own[..own.len().checked_sub(ups)?].to_vec(), rest(ups)].concat()),
            first => {
                let child = [own.clone(), vec![first.to_owned()]].concat();
                if self.modules.contains_key(&child) {
                    return Some([own.clone(), parts].concat());
                }
                let import = bound.get(first).filter(|_| parts.len() > 1)?;
                Some([import.clone(), rest(1)].concat())
            }
        }
    }

    /// The file that has the name: that of the longest module in the path, or of the name that it re-exports.
    fn file(&self, full: &Path, depth: usize) -> Option<&'a str> {
        let module =
            (0..=full.len()).rev().map(|len| full[..len].to_vec()).find(|m| self.modules.contains_key(m))?;
        let export = full.get(module.len()).and_then(|name| self.exports.get(&module)?.get(name));
        match export.filter(|export| depth > 0 && *export != full) {
            Some(export) => {
                self.file(&[export.clone(), full[module.len() + 1..].to_vec()].concat(), depth - 1)
            }
            None => self.modules.get(&module).copied(),
        }
    }

    /// The files in circles, and those between two circles.
    fn circles(&self) -> Vec<(&'a str, String)> {
        let mut left: BTreeSet<&str> = self.edges.keys().copied().collect();
        loop {
            let goes_on = |file: &&str| self.edges[*file].iter().any(|to| left.contains(to));
            let comes_from = |file: &&str| left.iter().any(|from| self.edges[*from].contains(*file));
            let next: BTreeSet<&str> = left.iter().copied().filter(|f| goes_on(f) && comes_from(f)).collect();
            if next.len() == left.len() {
                break;
            }
            left = next;
        }
        let what = |file: &&'a str| {
            let within: Vec<&str> = self.edges[*file].intersection(&left).copied().collect();
            format!(
                "a circle of imports, by {}: move the shared part into a file of its own",
                within.join(", ")
            )
        };
        left.iter().map(|file| (*file, what(file))).collect()
    }

    /// Imports from a floor that is not lower.
    fn upward(&self) -> Vec<(&'a str, String)> {
        let floor = |module: &str| FLOORS.iter().position(|floor| floor.contains(&module));
        let edges = self.edges.iter().flat_map(|(from, to)| to.iter().map(|to| (*from, *to)));
        let up = edges.filter(|(from, to)| {
            let (from, to) = (top(from), top(to));
            from != to && from != "lib" && floor(from) <= floor(to)
        });
        up.map(|(from, to)| (from, format!("imports {to} of a floor that is not lower"))).collect()
    }

    /// Modules without a floor, and floors without a module.
    fn unknown(&self) -> Vec<(&'a str, String)> {
        let tops: BTreeSet<&str> =
            self.edges.keys().map(|path| top(path)).filter(|top| *top != "lib").collect();
        let floors: BTreeSet<&str> = FLOORS.iter().flat_map(|floor| floor.iter().copied()).collect();
        let what = |module| format!("{module} is a module without a floor, or a floor without a module");
        tops.symmetric_difference(&floors).map(|module| ("lib.rs", what(module))).collect()
    }
}

/// The first part of a path, without `.rs`.
fn top(path: &str) -> &str {
    path.split(['/', '.']).next().unwrap_or(path)
}

/// The module of a file: `a/b.rs` and `a/b/mod.rs` are `a::b`.
fn module(path: &str) -> Path {
    let mut parts: Path = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| last == "mod" || last == "lib" || last == "main") {
        parts.pop();
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(files: &[(&str, &str)]) -> Vec<String> {
        let files = files.iter().map(|(path, text)| (format!("d365-common/src/{path}"), (*text).to_owned()));
        check(&files.collect())
            .iter()
            .map(|finding| finding.path.clone())
            .filter(|path| path.contains("common"))
            .collect()
    }

    #[test]
    fn a_circle_is_found() {
        let circle = [
            ("lib.rs", "pub mod a;\npub mod b;\n"),
            ("a.rs", "use crate::b::B;\n"),
            ("b.rs", "use super::a::A;\n"),
        ];
        assert_eq!(messages(&circle), ["d365-common/src/a.rs", "d365-common/src/b.rs"]);
        assert!(messages(&circle[..2]).is_empty());
    }

    #[test]
    fn a_re_export_is_followed_and_is_no_import() {
        let through = [
            ("lib.rs", "mod a;\nmod b;\npub use a::A;\n"),
            ("a.rs", "pub struct A;\n"),
            ("b.rs", "use crate::A;\n"),
        ];
        assert!(messages(&through).is_empty());
        let elsewhere = [
            ("lib.rs", "mod a;\nmod b;\n"),
            ("a.rs", "pub use crate::b::B;\n"),
            ("b.rs", "use crate::a::A;\n"),
        ];
        assert_eq!(messages(&elsewhere).len(), 2, "a re-export from elsewhere is an import");
        let back = [("lib.rs", "mod a;\npub use a::A;\nfn f() { a::g() }\n"), ("a.rs", "use crate::f;\n")];
        assert_eq!(messages(&back).len(), 2);
    }

    #[test]
    fn tests_may_import_anything() {
        let text = "fn f() {}\n\n#[cfg(test)]\nmod tests {\n    use crate::b::g;\n}\n";
        let files = [("lib.rs", "mod a;\nmod b;\n"), ("a.rs", text), ("b.rs", "use crate::a::f;\n")];
        assert!(messages(&files).is_empty());
    }
}
