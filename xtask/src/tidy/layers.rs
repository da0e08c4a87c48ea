//! Rules on the names that a file may use: data flows in one direction, and only certain places use the
//! kernel and I/O.

use std::collections::BTreeSet;

use super::{
    Finding,
    paths::{self, Named},
};

/// Paths that some files must not name.
struct Layer {
    /// Files and directories that the rule covers, without `.rs`.
    of: &'static [&'static str],
    /// Exceptions among them.
    but: &'static [&'static str],
    /// Paths that these files must not name.
    forbidden: &'static [&'static str],
    /// The message about a broken rule.
    rule: &'static str,
}

const DAEMON: &str = "d365-user/src";

const LAYERS: [Layer; 3] = [
    Layer {
        of: &[DAEMON],
        but: &["d365-user/src/kernel"],
        forbidden: &[
            "aya",
            "aya_log",
            "aya_obj",
            "netlink_packet_core",
            "netlink_packet_route",
            "netlink_sys",
        ],
        rule: "only d365-user/src/kernel/ knows aya and netlink: give it what it needs as plain data",
    },
    Layer {
        of: &[DAEMON],
        but: &[],
        forbidden: &["std::thread::spawn", "thread::spawn", "tokio::task::spawn_blocking", "spawn_blocking"],
        rule: "it panics where no thread can be made: crate::resources makes threads, at the start",
    },
    Layer {
        of: &[
            "d365-user/src/geo",
            "d365-user/src/settings",
            "d365-user/src/ranges",
            "d365-user/src/generation",
            "d365-user/src/snapshot",
            "d365-user/src/view",
            "d365-user/src/export",
        ],
        but: &[],
        forbidden: &[
            "std::env",
            "std::fs",
            "std::net::TcpListener",
            "std::net::TcpStream",
            "std::net::UdpSocket",
            "std::os::unix::net",
            "std::process",
            "tokio",
        ],
        rule: "this stage is pure: let the caller do the I/O",
    },
];

pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let layers: Vec<&Layer> = LAYERS.iter().filter(|layer| layer.holds(path)).collect();
    if layers.is_empty() || is_test_file(path) {
        return findings;
    }
    for Named { path: named, line, .. } in paths::of(text) {
        let named = named.join("::");
        let is = |forbidden: &str| {
            named.strip_prefix(forbidden).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        for layer in &layers {
            if let Some(forbidden) = layer.forbidden.iter().find(|forbidden| is(forbidden)) {
                let what = format!("names `{forbidden}`: {}", layer.rule);
                findings.push(Finding { path: path.to_owned(), line, what });
            }
        }
    }
    findings
}

impl Layer {
    fn holds(&self, path: &str) -> bool {
        let among = |places: &[&str]| places.iter().any(|place| is_in(path, place));
        among(self.of) && !among(self.but)
    }
}

/// Returns true if `path` is the module `place` (`place.rs`), or lies in its directory.
fn is_in(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// Returns the places of the rules that no tracked file is in.
pub(super) fn missing(tracked: &BTreeSet<&str>) -> Vec<Finding> {
    let places = LAYERS.iter().flat_map(|layer| layer.of.iter().chain(layer.but));
    let missing = places.filter(|place| !tracked.iter().any(|path| is_in(path, place)));
    let what = |place: &&str| format!("a rule names {place}, which does not exist");
    let found =
        |place: &&str| Finding { path: "xtask/src/tidy/layers.rs".to_owned(), line: 1, what: what(place) };
    missing.map(found).collect()
}

/// Returns true for a file of tests, to which the rules do not apply.
pub(super) fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs")
        || path.ends_with("_tests.rs")
        || path.contains("/src/") && path.contains("/tests/")
}

#[cfg(test)]
mod tests {
    use super::{super::NOTHING, *};

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(path, text).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn only_the_kernel_stage_knows_aya() {
        let text = "//! About aya::Ebpf.\nuse aya::Ebpf;\nuse aya_build::x;\n";
        assert_eq!(lines("d365-user/src/daemon.rs", text), [2]);
        assert_eq!(lines("d365-user/src/kernel/load.rs", text), NOTHING);
        assert_eq!(lines("d365-user/src/kernel.rs", text), NOTHING);
        assert_eq!(lines("d365-user/src/kernels.rs", text), [2], "a look-alike is not exempt");
        assert_eq!(lines("tests/privileged/main.rs", text), NOTHING);
    }

    #[test]
    fn pure_stages_do_no_io() {
        assert_eq!(lines("d365-user/src/ranges/set.rs", "use std::{\n    fs,\n    net::IpAddr,\n};\n"), [2]);
        assert_eq!(lines("d365-user/src/view/json.rs", "#[tokio::main]\n"), [1]);
        assert_eq!(lines("d365-user/src/source/embedded.rs", "use std::fs;\n"), NOTHING, "sources read");
    }

    #[test]
    fn threads_are_made_where_a_lack_is_no_panic() {
        assert_eq!(lines("d365-user/src/http/mod.rs", "use tokio::task::spawn_blocking;\n"), [1]);
        assert_eq!(lines("d365-user/src/kernel/load.rs", "fn f() { thread::spawn(x) }\n"), [1]);
        assert_eq!(lines("d365-user/src/resources.rs", "use std::thread::Builder;\n"), NOTHING);
    }

    #[test]
    fn tests_may_do_as_they_please() {
        let text = "//! X.\nfn f() {}\n\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";
        assert_eq!(lines("d365-user/src/ranges/set.rs", text), NOTHING);
        assert_eq!(lines("d365-user/src/ranges/tests.rs", "use std::fs;\n"), NOTHING);
    }
}
