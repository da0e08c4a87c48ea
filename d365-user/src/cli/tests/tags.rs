//! Tests of the flags of tags and drops, each by itself, and from the environment.

use super::{Exit, assert_has, parse, with_environment};

#[test]
fn bad_words_are_usage_errors_that_name_flag_and_reason() {
    for (flags, reasons) in [
        (["--tag", "tos"], &["'tos'", "possible values: none, mark, dscp"][..]),
        (["--tag", ""], &["possible values: none, mark, dscp"]),
        (["--mark", "0xd3650000"], &["write it as BASE/MASK"]),
        (["--mark", "0/0xffff0000"], &["the base is 0"]),
        (["--mark", "0xd3651000/0xffff0000"], &["bits outside the mask: 0x1000"]),
        (["--mark", "0x1/0x1"], &["lowest eight bits (0xff) free"]),
        (["--mark", "x/y"], &["the base `x` is no 32-bit number"]),
        (["--dscp", "0"], &["code point 0 (CS0)"]),
        (["--dscp", "64"], &["64 is more than 63"]),
        (["--dscp", "CS9"], &["`CS9` is no code point", "CS1 to CS7"]),
        (["--tc-order", "middle"], &["possible values: first, last"]),
        (["--unlisted", "reject"], &["possible values: pass, drop"]),
        (["--failsafe", "mx.example.net"], &["expected ADDRESS[/LENGTH]"]),
        (["--failsafe", "192.0.2.0/33"], &["expected ADDRESS[/LENGTH]"]),
    ] {
        let error = parse(&[&["--iface", "eth0"][..], &flags].concat()).unwrap_err();
        assert_eq!(error.exit_code(), i32::from(Exit::Usage.code()), "{flags:?}");
        assert_has(&error.to_string(), &[&[flags[0]], reasons].concat());
    }
}

#[test]
fn every_flag_from_the_environment() {
    let variables = [
        ("D365_TAG", "mark,dscp"),
        ("D365_MARK", "0x4d00/0xff00"),
        ("D365_DSCP", "af11"),
        ("D365_TAG_RETIRED", "true"),
        ("D365_TC_ORDER", "last"),
        ("D365_UNLISTED", "drop"),
        ("D365_FAILSAFE", "192.0.2.0/24,2001:db8::1"),
    ];
    let config = with_environment(&variables, "--iface eth0");
    let mark = [format!("base: {}", 0x4d00), format!("mask: {}", 0xff00)];
    assert_has(&config, &[&mark[0], &mark[1], "Dscp(\n                10,", "retired: true", "order: Last"]);
    assert_has(&config, &["Drop {", "192.0.2.0/24,", "2001:db8::1/128,"]);
    let empty = variables.map(|(name, _)| (name, ""));
    let config = with_environment(&empty, "--iface eth0");
    assert_has(&config, &["mark: None", "dscp: None", "retired: false", "order: First", "unlisted: Pass"]);
}

#[test]
fn tags_of_the_variable_are_not_added_to_those_of_the_command_line() {
    let config = with_environment(&[("D365_TAG", "none")], "--iface eth0 --tag dscp");
    assert_has(&config, &["mark: None", "Dscp(\n                8,"]);
    let error = with_environment(&[("D365_MARK", "0x100/0x100")], "--iface eth0");
    assert_has(&error, &["config error: --mark needs --tag mark"]);
}

/// The task shows marks as the daemon of this host sets them.
#[test]
fn ranges_takes_the_daemons_mark() {
    let mark = format!("base: {}", 0x4d00);
    assert_has(&with_environment(&[("D365_MARK", "0x4d00/0xff00")], "ranges"), &[&mark]);
    let default = format!("base: {}", 0xd365_0000_u32);
    assert_has(&with_environment(&[("D365_MARK", ""), ("D365_TAG", "x")], "ranges"), &[&default]);
}
