//! Variables of the environment that no flag reads. The tasks report them, except those that the repository
//! itself reads and knows by name.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use d365_tests::{require, task};
use d365_user::cli::environment::{OF_THE_REPOSITORY, known_variables};

const WARNING: &str =
    "warning: no flag reads the variable \"D365_RANGE\", it changes nothing; did you mean D365_RANGES?\n";

fn with_misspelt(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = task::command(arguments).unwrap();
    let done = command.env("D365_RANGE", "file:/secret").env("D365_FAULTS", "all").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (done.status.code(), text(done.stdout), text(done.stderr))
}

/// Tasks report it on standard error, refused command lines too, and `doctor` as one of its findings.
#[test]
fn a_misspelt_variable_is_a_warning() {
    require!(Daemon);
    let (code, stdout, stderr) = with_misspelt(&["ranges"]);
    assert_eq!((code, stderr.as_str()), (Some(0), WARNING));
    assert_eq!(stdout, task::run(&["ranges"]).unwrap().stdout);
    for arguments in [&[][..], &["--iface", "lo", "--ranges", "nothing"], &["ranges", "--nothing"]] {
        let (code, _, stderr) = with_misspelt(arguments);
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.starts_with(WARNING) && stderr.contains("error: "), "{stderr}");
    }
    let (code, _, stderr) = with_misspelt(&["--help"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));

    let (_, stdout, stderr) = with_misspelt(&["doctor", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let found: Vec<_> = findings.iter().filter(|finding| finding["check"] == "environment").collect();
    let [finding] = found[..] else { panic!("{stdout}") };
    assert_eq!((&finding["level"], stderr.as_str()), (&"warning".into(), ""));
    assert_eq!(finding["advice"], "did you mean D365_RANGES?");
}

/// `OF_THE_REPOSITORY` lists every variable that the repository reads, and no other.
#[test]
fn variables_of_tests_and_tasks_are_known_by_name() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for part in ["tests", "xtask", "d365-user/benches"] {
        sources(&workspace.join(part), &mut files);
    }
    let mut read = BTreeSet::new();
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        let words = text.split(|c: char| !(c == '_' || c.is_ascii_alphanumeric()));
        read.extend(words.filter(|word| word.starts_with("D365_") && word.len() > 5).map(str::to_owned));
    }
    for name in OF_THE_REPOSITORY {
        assert!(read.contains(name), "nothing reads {name}");
    }
    let known: BTreeSet<String> =
        known_variables().into_iter().chain(OF_THE_REPOSITORY.map(str::to_owned)).collect();
    // The first is misspelt on purpose in this file, the second is a placeholder in a text, and the third is
    // the name of a symbol of Rspamd.
    let on_purpose = ["D365_RANGE", "D365_NAME", "D365_LISTED"];
    let unknown: Vec<_> =
        read.difference(&known).filter(|name| !on_purpose.contains(&name.as_str())).collect();
    assert_eq!(unknown, [] as [&String; 0]);
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|end| end == "rs" || end == "sh") {
            into.push(path);
        }
    }
}
