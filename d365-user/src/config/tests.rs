//! Tests of the meaning of flags together.

use super::{Config, ConfigError, MAX_INTERFACES, MAX_PORTS, Warning};
use crate::{
    cli::Cli,
    settings::RangeMetrics,
    source::{Spec, download::Target},
};

mod tags;

fn config(flags: &[&str]) -> Result<(Config, Vec<Warning>), ConfigError> {
    Config::new(Cli::parse_from([&["d365-user"], flags].concat()).unwrap().daemon)
}

#[test]
fn duplicates_count_once_and_are_logged_once() {
    let (config, warnings) = config(&[
        "--iface=eth0,eth1,eth0,eth0",
        "--port=25,587,25",
        "--ranges=embedded",
        "--ranges=embedded",
    ])
    .unwrap();
    assert_eq!(config.interfaces.names, ["eth0", "eth1"]);
    assert_eq!(config.ports, [25, 587]);
    assert_eq!(config.ranges, [Spec::Embedded]);
    let messages: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        messages,
        [
            "--iface eth0 is given more than once; it counts once",
            "--port 25 is given more than once; it counts once",
            "--ranges embedded is given more than once; it counts once",
        ]
    );
}

#[test]
fn interface_names_follow_the_kernel() {
    let long = "n".repeat(127);
    for name in
        ["eth0", "enp0s31f6", "a", "br-0123456789ab", "wg0.100", "ünï", "enxfeedfacecafe0-mail", &long]
    {
        assert_eq!(config(&["--iface", name]).unwrap().0.interfaces.names, [name]);
    }
    for (name, reason) in [
        ("", "empty"),
        (".", "directory"),
        ("..", "directory"),
        (&"n".repeat(128), "longer than 127 bytes"),
        (&"ü".repeat(64), "longer than 127 bytes"),
        ("../eth0", "slash"),
        ("eth0:1", "colon"),
        ("eth 0", "white space"),
        ("eth0\n", "white space"),
        ("eth\u{1b}[m", "control"),
    ] {
        let error = config(&["--iface", name]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("--iface `{}`", name.escape_debug())), "{error}");
        assert!(error.contains(reason) && !error.contains(char::is_control), "{error}");
    }
    assert!(matches!(config(&["--iface", "eth0,"]), Err(ConfigError::InterfaceName { .. })));
}

#[test]
fn a_name_with_wildcards_is_a_pattern() {
    let (config, _) = self::config(&["--iface=eth*,mail0,bond[0-3],wg?,eth*,[[]x"]).unwrap();
    let interfaces = config.interfaces;
    assert_eq!(interfaces.texts().collect::<Vec<_>>(), ["mail0", "eth*", "bond[0-3]", "wg?", "[[]x"]);
    assert_eq!((interfaces.names.len(), interfaces.rows()), (1, MAX_INTERFACES));
    for (name, is_match) in [
        ("eth0", true),
        ("eth", true),
        ("myeth0", false),
        ("ETH0", false),
        ("bond3", true),
        ("bond4", false),
        ("bond[0-3]", false),
        ("wg0", true),
        ("wg10", false),
        ("[x", true),
        ("mail0", false),
    ] {
        assert_eq!(interfaces.is_match(name), is_match, "{name}");
    }
    let (one, _) = self::config(&["--iface=eth0"]).unwrap();
    assert_eq!((one.interfaces.rows(), one.interfaces.is_match("eth0")), (1, false));
    let stars = self::config(&["--iface", "e**h***"]).unwrap().0.interfaces;
    assert!(stars.is_match("eth0") && !stars.is_match("wlan0"));
    for pattern in ["eth[", "eth[]"] {
        let error = self::config(&["--iface", pattern]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("--iface `{pattern}` is no valid pattern: ")), "{error}");
    }
    for pattern in ["*/", "eth *", "eth:*"] {
        let error = self::config(&["--iface", pattern]).unwrap_err();
        assert!(matches!(error, ConfigError::InterfaceName { .. }), "{error}");
    }
}

#[test]
fn limits_are_of_different_values() {
    let list = |count: usize| (1..=count).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let (config16, _) = config(&["--iface", &list(MAX_INTERFACES), "--port", &list(MAX_PORTS)]).unwrap();
    assert_eq!((config16.interfaces.names.len(), config16.ports.len()), (MAX_INTERFACES, MAX_PORTS));
    let error = config(&["--iface", &list(MAX_INTERFACES + 1)]).unwrap_err();
    assert_eq!(error.to_string(), "--iface is given 17 times, at most 16 can be used by one daemon");
    let error = config(&["--iface", "eth0", "--port", &list(MAX_PORTS + 1)]).unwrap_err();
    assert_eq!(error.to_string(), "--port is given 9 times, at most 8 can be used by one daemon");
    assert!(config(&["--iface", "eth0", "--port", "25,25,25,25,25,25,25,25,25"]).is_ok());
    let files: Vec<String> = (0..=64).map(|number| format!("--ranges=file:/list{number}")).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    assert_eq!(config(&[&["--iface=eth0"], &files[1..]].concat()).unwrap().0.ranges.len(), 64);
    assert_eq!(
        config(&[&["--iface=eth0"], &files[..]].concat()).unwrap_err(),
        ConfigError::TooMany { flag: "--ranges", count: 65, most: 64 }
    );
}

#[test]
fn ranges_are_shown_each_by_itself_up_to_a_thousand() {
    use RangeMetrics::{Auto, Off, On};
    for (when, at_the_limit, above) in [(Auto, true, false), (On, true, true), (Off, false, false)] {
        assert_eq!(when.shows(RangeMetrics::MOST), at_the_limit, "{when:?}");
        assert_eq!(when.shows(RangeMetrics::MOST + 1), above, "{when:?}");
    }
}

#[test]
fn an_empty_range_list_is_refused() {
    let error = config(&["--iface", "eth0", "--ranges", ""]).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"--ranges: "" names no range source; write "embedded", "file:PATH", "url:URL" or "azure""#
    );
}

#[test]
fn two_sources_of_one_name_are_an_error_that_shows_no_token() {
    let url = |text: &str| format!("--ranges=url:{text}");
    for (one, two, name) in [
        ("https://a/x?sig=s3cret1", "https://a/x?sig=s3cret2", "url:https://a/x"),
        ("m=https://a/x", "m=https://b/x", "url:m"),
    ] {
        let error = config(&["--iface=eth0", &url(one), &url(two)]).unwrap_err();
        assert_eq!(error, ConfigError::SameSource(name.to_owned()));
        assert!(error.to_string().contains("url:NAME="), "{error}");
    }
    let (one, two) = (url("a=https://a/x?doc=1"), url("b=https://a/x?doc=2"));
    let (config, _) = config(&["--iface=eth0", &one, &two]).unwrap();
    assert_eq!(config.ranges.iter().map(ToString::to_string).collect::<Vec<_>>(), ["url:a", "url:b"]);
    assert!(!format!("{config:?}").contains("doc="), "{config:?}");
    let urls = config.targets.iter().flatten().map(|target| match target {
        Target::Document { url, .. } => url.as_str(),
        Target::Page { .. } => panic!("a page"),
    });
    assert_eq!(urls.collect::<Vec<_>>(), ["https://a/x?doc=1", "https://a/x?doc=2"], "it is sent");
}

#[test]
fn a_query_on_the_command_line_is_warned_of() {
    for (flag, warnings) in [
        ("--ranges=url:https://a/x?s3cret", &[Warning::PublicQuery { flag: "--ranges" }][..]),
        ("--page-url=https://a/x?s3cret", &[Warning::PublicQuery { flag: "--page-url" }]),
        ("--ranges=url:https://a/x", &[]),
    ] {
        let (_, found) = config(&["--iface=eth0", flag]).unwrap();
        assert_eq!(found, warnings);
        assert!(found.iter().all(|warning| !warning.to_string().contains("s3cret")));
    }
    let variable = Warning::PublicQuery { flag: "--page-url" }.to_string();
    assert!(variable.contains("set D365_PAGE_URL in its place"), "{variable}");
}

#[test]
fn a_directory_of_pins_without_pins_is_warned_of() {
    let idle = [Warning::Idle { flag: "--pin-dir", needed: "--keep-attached" }];
    for (flags, expected) in [
        (&["--pin-dir=/sys/fs/bpf/d365"][..], &idle[..]),
        (&["--pin-dir=/sys/fs/bpf/d365", "--keep-attached"], &[]),
        (&[], &[]),
    ] {
        assert_eq!(config(&[&["--iface=eth0"], flags].concat()).unwrap().1, expected, "{flags:?}");
    }
}
