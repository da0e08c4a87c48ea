//! `d365-user check`: the same verdict on flags, variables and files as a start, without a start.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{fs, path::Path, time::SystemTime};

use d365_tests::{
    require, task,
    temp::{TempDir, TempFile},
};
use d365_user::{
    gate::{Gate, GatePolicy, Offer, Trust, gates},
    geo::Geo,
    ranges::Range,
    state_files,
};
use nix::{sys::stat::Mode, unistd::mkfifo};

const LIST: &str = "203.0.113.0/24,EUR\n";

fn file(path: &Path) -> String {
    format!("file:{}", path.display())
}

/// Runs `check` for `m0`. Its exit code must be `code`, and its output must contain each of `words`.
#[track_caller]
fn check(flags: &[&str], code: i32, words: &[&str]) {
    let done = task::run(&[&["check", "--iface", "m0"][..], flags].concat()).unwrap();
    let output = format!("{}{}", done.stdout, done.stderr);
    assert_eq!(done.code, Some(code), "{flags:?}: {output}");
    for word in words {
        assert!(output.contains(word), "{flags:?}: {word} is missing in {output}");
    }
    assert_eq!(output.contains("the configuration is valid\n"), code == 0, "{output}");
}

#[test]
fn a_problem_that_a_start_survives_is_a_warning() {
    require!(Daemon);
    let (state, good) = (TempDir::new("state"), TempFile::new("list", LIST));
    let directory = ["--state-dir", state.path().to_str().unwrap()];
    let check = |flags: &[&str], code, words: &[&str]| check(&[flags, &directory].concat(), code, words);
    check(&[], 0, &[]);
    check(&["--iface", "m0"], 0, &["warning: ", "--iface"]);
    check(&["--listen", "0.0.0.0:9365"], 0, &["warning: ", "--web-config"]);
    let good = file(good.path());
    check(&["--ranges", &good, "--allow-special"], 0, &[]);
    let bad = TempFile::new("list", "10.0.0.0/24\n203.0.113.7.1,EUR\n");
    let bad = file(bad.path());
    check(&["--ranges", &good, "--ranges", &bad, "--allow-special"], 0, &["warning: ", &bad, "line 2"]);
    check(&["--ranges", &bad], 3, &["error: ", &bad, "line 2", "no other source", "--ranges embedded"]);
    check(&["--ranges", &good], 3, &["203.0.113.0/24", "--allow-special"]);
    check(&["--ranges", "file:/nowhere/list", "--ranges", "azure"], 0, &["warning: ", "/nowhere/list"]);
    let pipe = TempFile::reserve("pipe");
    mkfifo(pipe.path(), Mode::S_IRWXU).unwrap();
    check(&["--ranges", &file(pipe.path())], 0, &["is a pipe"]);
    assert_eq!(fs::read_dir(state.path()).unwrap().count(), 0, "nothing was written");
    // A daemon that runs has its directory, and its list.
    let directory = state_files::open(state.path()).unwrap();
    check(&["--ranges", &bad], 3, &[]);
    let mut gate = Gate::new(GatePolicy::default());
    let ranges = vec![Range { prefix: "20.0.0.0/24".parse().unwrap(), geo: Geo::UNKNOWN, region: None }];
    let offer = Offer { ranges, change_number: None, trust: Trust::Local };
    gate.offer(offer, SystemTime::now().into());
    gates::save(&directory, &[(bad.clone(), gate)].into()).unwrap();
    check(&["--ranges", &bad], 0, &["warning: ", "line 2"]);
}

#[test]
fn a_problem_that_ends_a_start_is_an_error() {
    require!(Daemon);
    let (file_as_directory, list) = (TempFile::new("state", ""), TempFile::new("list", LIST));
    let place = file_as_directory.path().to_str().unwrap();
    let web = TempFile::new("web.yml", "tls: {}\n");
    let web = web.path().to_str().unwrap();
    for (flags, code, words) in [
        (&["--port", "0"][..], 2, &["--port"][..]),
        (&["--iface", "an/interface"], 2, &["slash"]),
        (&["--ranges", "azure:moon"], 2, &["moon", "public"]),
        (&["--ranges", &file(list.path()), "--state-dir", place], 11, &[place]),
        (&["--web-config", "/nowhere/web.yml"], 13, &["/nowhere/web.yml"]),
        (&["--web-config", web], 13, &[web, "the field `tls`"]),
        // The embedded list needs no directory.
        (&["--state-dir", place], 0, &["warning: ", place]),
    ] {
        check(flags, code, words);
    }
}

#[test]
fn the_variables_are_those_of_the_daemon() {
    require!(Daemon);
    let run = |variables: &[(&str, &str)]| {
        let output = task::command(&["check"]).unwrap().envs(variables.iter().copied()).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let named = ("D365_IFACE", "m0");
    assert_eq!(run(&[]).0, 2);
    assert_eq!(run(&[named]).0, 0);
    let (code, bad) = run(&[named, ("D365_PORT", "70000")]);
    assert!(code == 2 && bad.contains("70000"), "{code}: {bad}");
    let (code, unknown) = run(&[named, ("D365_PROT", "25")]);
    assert!(code == 0 && unknown.contains("D365_PORT?"), "{code}: {unknown}");
}
