//! Tests of flags with `try_parse`. Tests of the environment run this test binary again, because a process
//! cannot safely change its own environment while other tests run.

use std::process::{Command, Output};

use clap::error::ErrorKind;

use d365_common::names::{MAX_INTERFACES, MAX_PORTS};

use super::Cli;
mod tags;

use crate::{config::Config, exit::Exit, ranges::Policy};

fn parse(flags: &[&str]) -> Result<Cli, clap::Error> {
    Cli::parse_from([&["d365-user"], flags].concat())
}

/// The variable that passes the flags to the child.
const CHILD: &str = "CLI_TESTS_FLAGS";

/// The child: prints the meaning of the environment and the flags. It does nothing when run by itself.
#[test]
fn child() {
    let Ok(flags) = std::env::var(CHILD) else { return };
    let flags: Vec<_> = flags.split_whitespace().collect();
    let parsed = parse(&flags);
    if let Ok(Cli { command: Some(task), .. }) = &parsed {
        return println!("{task:#?}");
    }
    match parsed.map(|cli| Config::new(cli.daemon)) {
        Ok(Ok((config, _))) => println!("{config:#?}"),
        Ok(Err(error)) => println!("config error: {error}"),
        Err(error) => println!("clap error: {error}"),
    }
}

/// The meaning of `flags` and these variables, without any other `D365_` variable.
fn with_environment(variables: &[(&str, &str)], flags: &str) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("D365_") {
            command.env_remove(name);
        }
    }
    let Output { stdout, status, .. } = command
        .args(["--exact", "cli::tests::child", "--nocapture", "--test-threads=1"])
        .env(CHILD, flags)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    assert!(status.success());
    String::from_utf8(stdout).unwrap()
}

#[track_caller]
fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
}

#[test]
fn values_are_repeated_or_separated_by_commas_but_paths_are_whole() {
    let cli = parse(&[
        "--iface=eth0,eth1",
        "--iface=lan",
        "--port=25,587",
        "--port=2525",
        "--ranges",
        "file:/a b,c",
        "--ranges=embedded",
        "--listen=[::1]:9365",
        "--allow-http-host=MX1.example,192.0.2.7",
        "--allow-http-host=[::1]",
        "--log-level=info,aya=debug",
    ])
    .unwrap();
    assert_eq!(cli.daemon.iface, ["eth0", "eth1", "lan"]);
    assert_eq!(cli.daemon.port, [25, 587, 2525]);
    assert_eq!(cli.daemon.ranges, ["file:/a b,c", "embedded"]);
    assert_eq!(cli.daemon.listen.to_string(), "[::1]:9365");
    let hosts: Vec<_> = cli.daemon.allow_http_host.iter().map(ToString::to_string).collect();
    assert_eq!(hosts, ["mx1.example", "192.0.2.7", "::1"]);
    assert_eq!(cli.daemon.log_level.to_string(), "info,aya=debug");
}

#[test]
fn bad_words_are_usage_errors_that_name_flag_and_value() {
    for (flags, value) in [
        (["--port", "0"], "'0'"),
        (["--port", "65536"], "65536"),
        (["--port", "smtp"], "'smtp'"),
        (["--max-ranges", "0"], "'0'"),
        (["--max-ranges", "262145"], "262145"),
        (["--max-pages", "524289"], "524289"),
        (["--listen", "localhost:9365"], "expected ADDR:PORT"),
        (["--listen", "127.0.0.1"], "expected ADDR:PORT"),
        (["--listen", "::1:9365x"], "expected ADDR:PORT"),
        (["--mode", "skb"], "possible values: auto, native, generic"),
        (["--log-format", "xml"], "possible values: text, json"),
        (["--log-level", "verbose"], "is no level"),
        (["--frobnicate", "1"], "unexpected argument"),
    ] {
        let error = parse(&[&["--iface", "eth0"][..], &flags].concat()).unwrap_err();
        assert_eq!(error.exit_code(), i32::from(Exit::Usage.code()), "{flags:?}");
        assert_has(&error.to_string(), &[flags[0], value]);
    }
    assert_eq!(parse(&[]).unwrap_err().kind(), ErrorKind::MissingRequiredArgument);
}

#[test]
fn help_tells_limits_variables_and_exit_codes() {
    let error = parse(&["--help"]).unwrap_err();
    assert_eq!((error.kind(), error.exit_code()), (ErrorKind::DisplayHelp, 0));
    let help = error.to_string();
    let version = parse(&["--version"]).unwrap_err().to_string();
    assert_eq!(
        version,
        format!(
            "d365-user {} (commit {}, kernel object {}, embedded list of 2026-08-03)\n",
            super::VERSION,
            super::REVISION,
            super::OBJECT
        )
    );
    assert_has(&help, &[&Exit::table(), "Examples:", "Watched traffic:", "Ranges:", "Metrics and log:"]);
    let limits = [MAX_INTERFACES, MAX_PORTS, usize::try_from(Policy::HIGHEST_MAX_RANGES).unwrap()];
    assert_has(&help, &limits.map(|limit| format!("at most {limit}")).each_ref().map(String::as_str));
    for argument in super::command().get_arguments().filter(|arg| arg.get_long().is_some()) {
        let long = argument.get_long().unwrap();
        let name = format!("D365_{}", long.to_uppercase().replace('-', "_"));
        let variable = argument.get_env().unwrap_or_else(|| panic!("--{long} has no variable"));
        assert_eq!(variable.to_str(), Some(&*name));
        assert_has(&help, &[&name]);
    }
}

#[test]
fn every_flag_from_the_environment() {
    let variables = [
        ("D365_IFACE", "eth0,eth1,en*"),
        ("D365_PORT", "25,587"),
        ("D365_MODE", "generic"),
        ("D365_RANGES", "embedded file:/a,b"),
        ("D365_MAX_RANGES", "100"),
        ("D365_MAX_PAGES", "524288"),
        ("D365_ALLOW_SPECIAL", "true"),
        ("D365_LISTEN", "0.0.0.0:9365"),
        ("D365_RANGE_METRICS", "off"),
        ("D365_LOG_FORMAT", "json"),
        ("D365_LOG_LEVEL", "debug"),
        ("D365_LOG_PACKETS", "1"),
    ];
    let config = with_environment(&variables, "");
    let lists =
        ["\"eth0\",\n            \"eth1\",", "\"en*\"", "25,\n        587,", "File(\n            \"/a,b\","];
    assert_has(&config, &lists);
    let values = ["Generic", "max_ranges: 100", "allow_special: true", "0.0.0.0:9365", "Json", "\"debug\""];
    assert_has(&config, &values);
    assert_has(&config, &["log_packets: true", "max_pages: 524288", "range_metrics: Off"]);
}

#[test]
fn flags_beat_the_environment() {
    let config = with_environment(&[("D365_IFACE", "eth7"), ("D365_PORT", "x")], "--iface eth0 --port 26");
    assert_has(&config, &["[\n            \"eth0\",\n        ]", "26,"]);
    assert!(!config.contains("eth7"), "{config}");
}

#[test]
fn empty_variables_count_as_not_set() {
    let all = ["PORT", "MODE", "RANGES", "MAX_RANGES", "ALLOW_SPECIAL", "LISTEN", "LOG_FORMAT", "LOG_LEVEL"];
    let names = all.map(|name| format!("D365_{name}"));
    let variables: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
    let config = with_environment(&variables, "--iface eth0");
    assert_has(&config, &["25,", "Auto", "Embedded,", "4096", "allow_special: false", "127.0.0.1:9365"]);
    let missing = with_environment(&[("D365_IFACE", " ")], "");
    assert_has(&missing, &["clap error: error: the following required arguments", "--iface <NAME>"]);
}

#[test]
fn switches_from_the_environment() {
    for (value, meaning) in [("true", true), ("1", true), ("false", false), ("0", false)] {
        let config = with_environment(&[("D365_ALLOW_SPECIAL", value)], "--iface eth0");
        assert_has(&config, &[&format!("allow_special: {meaning}")]);
    }
    let error = with_environment(&[("D365_ALLOW_SPECIAL", "maybe")], "--iface eth0");
    assert_has(&error, &["clap error: error: invalid value 'maybe' for '--allow-special'"]);
}

#[test]
fn a_task_stands_alone() {
    for (flags, kind) in [
        (&["--iface", "eth0", "drift"][..], ErrorKind::ArgumentConflict),
        (&["drift", "--iface", "eth0"], ErrorKind::UnknownArgument),
        (&["drift", "approve"], ErrorKind::UnknownArgument),
        (&["approve", "soon"], ErrorKind::ValueValidation),
        (&["approve", "--hold", "1h"], ErrorKind::UnknownArgument),
        (&["approve", "--help"], ErrorKind::DisplayHelp),
        (&["ranges", "--mark", "1/1"], ErrorKind::ValueValidation),
        (&["--iface", "eth0", "doctor"], ErrorKind::ArgumentConflict),
        (&["doctor", "--mode", "native"], ErrorKind::UnknownArgument),
        (&["forget"], ErrorKind::InvalidSubcommand),
    ] {
        assert_eq!(parse(flags).unwrap_err().kind(), kind, "{flags:?}");
    }
    assert!(parse(&["--iface", "eth0"]).unwrap().command.is_none());
    let help = parse(&["approve", "--help"]).unwrap_err().to_string();
    assert_has(&help, &["Every user who may write into the state directory may approve", "D365_STATE_DIR"]);
    assert_has(&parse(&["--help"]).unwrap_err().to_string(), &["approve", "doctor", "drift", "ranges"]);
}

/// A host's environment is the daemon's. A task reads only the variables that it has in common with the
/// daemon.
#[test]
fn a_task_reads_its_own_variables_only() {
    let variables = [("D365_IFACE", "eth0"), ("D365_PORT", "x"), ("D365_STATE_DIR", "/srv/d365")];
    for task in ["drift", "approve", "doctor"] {
        assert_has(&with_environment(&variables, task), &["/srv/d365"]);
    }
    assert_has(&with_environment(&variables, "doctor"), &["iface: []"]);
    let named = with_environment(&variables, "doctor --iface m0,m1 --iface m2");
    assert!(["m0", "m1", "m2"].iter().all(|name| named.contains(name)) && !named.contains("eth0"), "{named}");
    assert_has(&with_environment(&[("D365_HOLD", "2h")], "approve"), &["expect: []", "/var/lib/d365"]);
    assert_has(&with_environment(&[("D365_STATE_DIR", "")], "drift"), &["state_dir: None"]);
    assert_has(&with_environment(&[("D365_STATE_DIR", " ")], "approve"), &["/var/lib/d365"]);
}

#[test]
fn no_usage_error_shows_a_token() {
    let iface = ["--iface", "eth0"];
    for flags in [
        &["--page-url", "http://mirror.example/?sig=s3cret"][..],
        &["--page-url=https://user:s3cret@mirror.example/"],
        &["--allow-host", "https://mirror.example/?s3cret"],
        &["--listen", "https://mirror.example/?s3cret"],
        &["url:https://mirror.example/x?sig=s3cret"],
        &["--range", "url:https://mirror.example/x?sig=s3cret"],
        &["--refresh=url:https://mirror.example/x#s3cret"],
    ] {
        let error = parse(&[&iface, flags].concat()).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
        let text = error.to_string();
        assert!(!text.contains("s3cret") && !format!("{error:?}").contains("s3cret"), "{text}");
        assert!(text.starts_with("error: ") && !text.contains("error: error"), "{text}");
    }
    // An error without a secret is clap's own.
    let error = parse(&["--iface", "eth0", "--listen", "9365"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ValueValidation);
    assert!(error.to_string().contains("'9365'"), "{error}");
}
