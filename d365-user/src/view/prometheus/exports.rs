//! The state of the exports.

use std::fmt;

use prometheus_client::registry::Unit;

use super::exposition::Exposition;
use crate::snapshot::Snapshot;

/// Writes the families of exports, if there are any.
pub(super) fn write(exposition: &mut Exposition<'_>, snapshot: &Snapshot) -> fmt::Result {
    let exports = &snapshot.updates.exports;
    if exports.is_empty() {
        return Ok(());
    }
    let help = "When the file of this format last had the published list, since the Unix epoch; absent while it never had.";
    let times = exports.iter().filter_map(|export| Some(([("format", export.format)], export.last_success?)));
    exposition.gauges("d365_export_last_success_timestamp", Some(&Unit::Seconds), help, times)?;
    let failures = exports.iter().flat_map(|export| {
        let format = export.format;
        export.failures.iter().map(move |(reason, count)| ([("format", format), ("reason", *reason)], *count))
    });
    let help = "Times that the file of this format could not be written, by reason.";
    exposition.counters("d365_export_failures", None, help, failures)
}
