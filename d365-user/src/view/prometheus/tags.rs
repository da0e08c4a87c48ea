//! The tags and drops of packets. Every packet here is also in one of the traffic's classes.

use std::fmt;

use d365_common::packet_action::PacketAction;

use super::exposition::{Exposition, Labels};
use crate::snapshot::Snapshot;

/// The tags' label values.
const MARK: &str = "mark";
const DSCP: &str = "dscp";

/// Writes the families of tags and drops. They are present even if nothing is tagged or dropped, because the
/// counts of an earlier daemon continue.
pub(super) fn write(exposition: &mut Exposition<'_>, snapshot: &Snapshot) -> fmt::Result {
    let help = "Packets that were given the tag: from listed ranges, while the list is trusted.";
    let done = [(MARK, PacketAction::Marked), (DSCP, PacketAction::DscpSet)];
    exposition.counters("d365_tagged_packets", None, help, by_tag(snapshot, done))?;
    let help = "Packets whose tag could not be set, or not taken away; they passed as they were.";
    let failed = [(DSCP, PacketAction::DscpNotSet)];
    exposition.counters("d365_tag_failures", None, help, by_tag(snapshot, failed))?;
    let help = "Packets that had the tag without being trusted; it was taken away.";
    let cleared = [(MARK, PacketAction::MarkCleared), (DSCP, PacketAction::DscpCleared)];
    exposition.counters("d365_tag_cleared_packets", None, help, by_tag(snapshot, cleared))?;
    attached(exposition, snapshot)?;
    let dropped = |action| {
        snapshot.interfaces.iter().map(move |iface| ([("iface", iface.name.as_str())], iface.action(action)))
    };
    let help = "New connections from unlisted sources that were dropped (--unlisted drop); d365_unlisted_smtp counts them too.";
    exposition.counters("d365_unlisted_dropped_packets", None, help, dropped(PacketAction::Dropped))?;
    let help = "Packets from unlisted sources that hid a TCP header and were dropped (--unlisted drop); d365_other counts them too.";
    exposition.counters("d365_hidden_dropped_packets", None, help, dropped(PacketAction::HiddenDropped))
}

/// A sample for each interface and tag.
fn by_tag<'a, const N: usize>(
    snapshot: &'a Snapshot,
    actions: [(&'static str, PacketAction); N],
) -> impl Iterator<Item = (Labels<'a, 2>, u64)> {
    snapshot.interfaces.iter().flat_map(move |iface| {
        actions.map(|(tag, action)| ([("iface", iface.name.as_str()), ("tag", tag)], iface.action(action)))
    })
}

/// Shows on each interface whose packets are marked if the tc program is attached.
fn attached(exposition: &mut Exposition<'_>, snapshot: &Snapshot) -> fmt::Result {
    let attached = snapshot
        .interfaces
        .iter()
        .filter_map(|iface| Some(([("iface", iface.name.as_str())], u64::from(iface.tag_attached?))));
    let help = "1 while the tc program that sets the mark is attached, 0 when that attachment is lost.";
    exposition.gauges("d365_tag_attached", None, help, attached)
}
