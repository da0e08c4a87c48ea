//! Checks the fuzzer's seeds and its earlier findings against the same properties, without a fuzzer: every
//! file in `tests/fuzz/seeds` and `tests/fuzz/regressions`.

use std::{
    env, fs,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    process::Command,
};

#[path = "../fuzz/properties/mod.rs"]
mod properties;

use properties::{configuration, download_page, packet, plain_list, service_tags, state_file};

/// Variable with the path of the input that a child of these tests reads.
const INPUT: &str = "FUZZ_TESTS_INPUT";

#[test]
fn seeds_and_findings_have_the_properties() {
    type Check = fn(&[u8]);
    let checks: [(&str, Check); 5] = [
        ("packet", packet::check),
        ("service_tags", service_tags::check),
        ("plain_list", plain_list::check),
        ("download_page", download_page::check),
        ("state_file", state_file::check),
    ];
    for (target, check) in checks {
        for (path, bytes) in inputs(target) {
            // The last path that is printed is the input that failed.
            println!("{}", path.display());
            check(&bytes);
        }
    }
}

/// Each input runs in a process of its own, because a process cannot change its environment safely while
/// other tests run.
#[test]
fn configurations() {
    for (path, bytes) in inputs("configuration") {
        let Some(start) = configuration::Start::read(&bytes) else { continue };
        let mut child = Command::new(env::current_exe().unwrap());
        for (name, _) in env::vars_os().filter(|(name, _)| name.as_bytes().starts_with(b"D365_")) {
            child.env_remove(name);
        }
        child.args(["--exact", "fuzz::child", "--nocapture"]).env(INPUT, &path).envs(start.variables);
        let output = child.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let held = output.status.success() && said.contains("it holds");
        assert!(held, "{}: {said}\n{}", path.display(), String::from_utf8_lossy(&output.stderr));
    }
}

/// The code of the child. Without the variable it does nothing.
#[test]
fn child() {
    let Some(path) = env::var_os(INPUT) else { return };
    let start = configuration::Start::read(&fs::read(path).unwrap()).unwrap();
    configuration::check(&start.arguments);
    println!("it holds");
}

/// A parser that rejects an input looks at nothing behind the first fault, so it must accept some of the
/// seeds.
#[test]
fn the_seeds_lead_behind_the_first_refusal() {
    use d365_common::packet::parse;
    use d365_user::gate::{approval, gates};
    use d365_user::source::{Cloud, download::page, plain, service_tags};

    let some = |target: &str, accepts: &dyn Fn(&[u8]) -> bool| {
        assert!(inputs(target).iter().any(|(_, bytes)| accepts(bytes)), "every seed of {target} is refused");
    };
    some("packet", &|frame| parse(frame, |port| port == 25).is_ok());
    some("service_tags", &|bytes| service_tags::read(bytes, &service_tags::Options::default()).is_ok());
    some("plain_list", &|text| plain::parse(text, "list").is_ok());
    let hosts = ["download.microsoft.com".parse().unwrap()].into_iter().collect();
    for cloud in Cloud::ALL {
        some("download_page", &|bytes| {
            page::newest(&String::from_utf8_lossy(bytes), cloud, &hosts).is_some()
        });
    }
    let waits = |body: &[u8]| {
        let gates = gates::gates(body, d365_user::gate::GatePolicy::default()).unwrap_or_default();
        gates.values().any(|gate| gate.pending().len() > 2)
    };
    some("state_file", &waits);
    some("state_file", &|body| approval::parse::<approval::Request>(body).is_ok());
    some("state_file", &|body| approval::parse::<approval::Answer>(body).is_ok());
}

/// All inputs of a target, sorted by path.
fn inputs(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let mut paths: Vec<PathBuf> = Vec::new();
    for kept in ["seeds", "regressions"] {
        // Some targets have no regressions.
        let Ok(entries) = fs::read_dir(fuzz.join(kept).join(target)) else { continue };
        paths.extend(entries.map(|entry| entry.expect("it can be listed").path()));
    }
    assert!(!paths.is_empty(), "no input of {target} is kept");
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).expect("it can be read"))).collect()
}
