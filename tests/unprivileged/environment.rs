//! Variables of the environment that no flag reads. The tasks report them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use d365_tests::{require, task};

const WARNING: &str =
    "warning: no flag reads the variable \"D365_RANGE\", it changes nothing; did you mean D365_RANGES?\n";

fn with_misspelt(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = task::command(arguments).unwrap();
    let done = command.env("D365_RANGE", "file:/secret").output().unwrap();
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
