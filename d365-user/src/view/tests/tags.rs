//! Tests of the texts about tags and drops in states other than the sample's.

use std::time::SystemTime;

use d365_common::{dscp::Dscp, mark::Mark};

use super::{Format, sample, summary, text};
use crate::{
    settings::Tags,
    snapshot::{Drops, Snapshot},
    view::drop_notice,
};

fn with(tags: Tags) -> Vec<String> {
    summary(&Snapshot { tags, ..Snapshot::default() }, SystemTime::UNIX_EPOCH)
}

#[test]
fn the_summary_says_which_tags() {
    let (mark, dscp) = (Some(Mark::DEFAULT), Dscp::new(63));
    let line = |tags| with(tags).into_iter().find(|line| line.starts_with("tags"));
    assert_eq!(line(Tags::default()), None);
    assert_eq!(line(Tags { retired: true, ..Tags::default() }), None);
    let said = "tags: mark 0xd3650000/0xffff0000 for packets from listed ranges, while the lease holds";
    assert_eq!(line(Tags { mark, ..Tags::default() }).as_deref(), Some(said));
    let said = "tags: DSCP 63 for packets from listed and retired ranges, while the lease holds";
    assert_eq!(line(Tags { dscp, retired: true, ..Tags::default() }).as_deref(), Some(said));
    assert!(!with(Tags::default()).iter().any(|line| line.starts_with("unlisted")));
}

/// Rates and alerts need a series before its first packet.
#[test]
fn what_was_never_done_is_zero() {
    let mut snapshot = sample();
    snapshot.interfaces[0].actions.clear();
    let text = text(snapshot, Format::Classic);
    let both = ["mark", "dscp"];
    for (family, tags) in [
        ("d365_tagged_packets", &both[..]),
        ("d365_tag_failures", &both[1..]),
        ("d365_tag_cleared_packets", &both),
    ] {
        for tag in tags {
            let line = format!("\n{family}_total{{iface=\"eth0\",tag=\"{tag}\"}} 0\n");
            assert!(text.contains(&line), "{line} is missing in:\n{text}");
        }
    }
    assert!(text.contains("\nd365_unlisted_dropped_packets_total{iface=\"eth0\"} 0\n"), "{text}");
}

/// A reader of these lines learns which mail will be dropped, and how to end it.
#[test]
fn the_notice_of_drops_leaves_nothing_out() {
    let failsafe = vec!["127.0.0.0/8".parse().unwrap(), "2001:db8::/64".parse().unwrap()];
    let drops = Drops { ports: vec![25], failsafe };
    let said = drop_notice(&drops, &["eth0".to_owned(), "eth1".to_owned()]).join("\n");
    for part in [
        "--unlisted drop",
        "eth0, eth1",
        "to port 25 are DROPPED",
        "listed or retired range",
        "never dropped: new connections from 127.0.0.0/8, 2001:db8::/64",
        "established connections pass",
        "lease",
        "stopping d365-user ends it",
    ] {
        assert!(said.contains(part), "{part} is missing in:\n{said}");
    }
}
