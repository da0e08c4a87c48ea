//! Tests of the metrics of tags and drops in states other than the sample's.

use super::{Format, sample, text};

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
