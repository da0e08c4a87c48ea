//! Tests of the meaning of the flags of tags and drops together.

use d365_common::{dscp::Dscp, mark::Mark};

use super::super::{Config, ConfigError};
use crate::settings::{Tags, TcOrder, Unlisted};

fn config(flags: &str) -> Result<(Config, Vec<String>), ConfigError> {
    let flags: Vec<_> = ["--iface", "eth0"].into_iter().chain(flags.split_whitespace()).collect();
    let (config, warnings) = super::config(&flags)?;
    Ok((config, warnings.iter().map(ToString::to_string).collect()))
}

fn tags(flags: &str) -> Tags {
    let (config, warnings) = config(flags).unwrap();
    assert_eq!(warnings, Vec::<String>::new(), "{flags}");
    config.tags
}

#[test]
fn nothing_is_done_unless_it_is_asked_for() {
    let (config, _) = config("").unwrap();
    assert_eq!((config.tags, config.unlisted), (Tags::default(), Unlisted::Pass));
    assert_eq!(tags("--tag none"), Tags::default());
    assert!(!config.tags.any());
}

#[test]
fn tags_add_up() {
    let mark = Tags { mark: Some(Mark::DEFAULT), ..Tags::default() };
    let dscp = Tags { dscp: Some(Dscp::DEFAULT), ..Tags::default() };
    let both = Tags { mark: mark.mark, dscp: dscp.dscp, ..Tags::default() };
    assert_eq!((tags("--tag mark"), tags("--tag dscp")), (mark, dscp));
    for flags in ["--tag mark,dscp", "--tag dscp --tag mark", "--tag mark --tag mark,dscp"] {
        assert_eq!(tags(flags), both, "{flags}");
    }
    assert!(mark.any() && dscp.any());
    let all = "--tag mark,dscp --mark 0x100/0x300 --dscp af41 --tag-retired --tc-order last";
    let order = TcOrder::Last;
    let all_of_it = Tags { mark: Mark::new(0x100, 0x300), dscp: Dscp::new(34), retired: true, order };
    assert_eq!(tags(all), all_of_it);
}

#[test]
fn what_would_do_nothing_is_refused() {
    for (flags, flag, needed) in [
        ("--mark 0x100/0x100", "--mark", "--tag mark"),
        ("--tag dscp --mark 0x100/0x100", "--mark", "--tag mark"),
        ("--mode native --tag dscp --tc-order first", "--tc-order", "--tag mark, or --mode tc or auto"),
        ("--tag mark --dscp 8", "--dscp", "--tag dscp"),
        ("--tag none --tag-retired", "--tag-retired", "--tag mark or --tag dscp"),
    ] {
        assert_eq!(config(flags), Err(ConfigError::Needs { flag, needed }), "{flags}");
    }
    for flags in ["--tag none,mark", "--tag mark --tag none", "--tag dscp,none"] {
        assert_eq!(config(flags), Err(ConfigError::NoneAndMore), "{flags}");
    }
}

#[test]
fn failsafes_are_masked_and_counted_once() {
    let flags =
        "--unlisted drop --failsafe 192.0.2.1,198.51.100.7/24 --failsafe 2001:db8::/32,198.51.100.0/24";
    let (config, warnings) = config(flags).unwrap();
    let failsafe = ["192.0.2.1/32", "198.51.100.0/24", "2001:db8::/32"].map(|prefix| prefix.parse().unwrap());
    assert_eq!(config.unlisted, Unlisted::Drop { failsafe: failsafe.into() });
    assert_eq!(
        warnings,
        [
            "--failsafe 198.51.100.7/24 has bits behind its length: it means 198.51.100.0/24",
            "--failsafe 198.51.100.0/24 is given more than once; it counts once",
        ]
    );
}

/// To end the drops in a hurry, it is enough to remove one word.
#[test]
fn a_failsafe_may_stay_where_nothing_is_dropped() {
    for flags in ["--failsafe 192.0.2.1", "--failsafe 192.0.2.1 --unlisted pass"] {
        let (config, warnings) = config(flags).unwrap();
        assert_eq!(config.unlisted, Unlisted::Pass);
        assert_eq!(warnings, ["--failsafe does nothing without --unlisted drop"]);
    }
}
