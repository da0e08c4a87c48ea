//! The daemon's own state: its ranges, its attachments, its build, and its resource usage.

use std::{collections::BTreeMap, fmt};

use prometheus_client::registry::Unit;

use super::exposition::Exposition;
use crate::{
    generation::TableSize,
    geo::Geo,
    snapshot::{Mode, ProcessStats, Snapshot, UNKNOWN_INTERFACE},
    version::{REVISION, VERSION},
};

/// Writes the daemon's families.
pub(super) fn write(exposition: &mut Exposition<'_>, snapshot: &Snapshot) -> fmt::Result {
    ranges(exposition, snapshot)?;
    generation(exposition, snapshot)?;
    table(exposition, snapshot.table)?;
    let help =
        "1 while each range has series of its own (d365_range_*), 0 while only geos have (--range-metrics).";
    exposition.gauge("d365_range_metrics", None, help, u64::from(snapshot.range_metrics))?;
    let help = "Failures of HTTP, by reason: connections not accepted, a listen address that was not there at the start, \
                TLS handshakes that failed, requests that name another host, have no right password or come too fast, \
                scrapes without an answer.";
    let failures = snapshot.http_failures.iter().map(|(reason, number)| ([("reason", *reason)], *number));
    exposition.counters("d365_http_failures", None, help, failures)?;
    let help =
        "Readings of the web configuration that failed while the daemon ran; the one before stays in use.";
    exposition.counter("d365_web_config_failures", None, help, snapshot.web_config_failures)?;
    attachments(exposition, snapshot)?;
    let help = "The running build: version and commit.";
    exposition.info("d365_build", help, [("version", VERSION), ("revision", REVISION)])?;
    snapshot.process.as_ref().map_or(Ok(()), |stats| process(exposition, stats))
}

/// The number of ranges, for each geo and both address families.
fn ranges(exposition: &mut Exposition<'_>, snapshot: &Snapshot) -> fmt::Result {
    let mut counts: BTreeMap<Geo, [u64; 2]> = BTreeMap::new();
    for range in &snapshot.generation.ranges {
        let [ipv4, ipv6] = counts.entry(range.geo).or_default();
        *(if range.prefix.addr().is_ipv4() { ipv4 } else { ipv6 }) += 1;
    }
    let samples = counts.iter().flat_map(|(geo, counts)| {
        ["ipv4", "ipv6"].into_iter().zip(*counts).map(|(family, count)| {
            let (code, source) = (geo.code.as_str(), geo.source.as_str());
            ([("geo", code), ("geo_source", source), ("family", family)], count)
        })
    });
    exposition.gauges(
        "d365_ranges",
        None,
        "Ranges of the published generation, by geo and address family.",
        samples,
    )
}

/// The published generation. Its info is a gauge: `OpenMetrics` would call an info's family
/// `d365_generation`, and that name is taken by the number.
fn generation(exposition: &mut Exposition<'_>, snapshot: &Snapshot) -> fmt::Result {
    let generation = &snapshot.generation;
    let help = "Number of the published generation (compiled range list); 0 before the first.";
    exposition.gauge("d365_generation", None, help, generation.number)?;
    let change_number = generation.change_number.map_or_else(String::new, |number| number.to_string());
    let labels = [
        ("source", generation.source.as_str()),
        ("change_number", change_number.as_str()),
        ("digest", generation.digest.as_str()),
    ];
    let help = "Origin of the published generation; always 1.";
    exposition.gauges("d365_generation_info", None, help, (generation.number > 0).then_some((labels, 1_u64)))
}

/// The size of the direct table, and the number of blocks that need the slower trie.
fn table(exposition: &mut Exposition<'_>, table: TableSize) -> fmt::Result {
    let help =
        "Pages of the direct table, for the third and fourth bytes of sources; --max-pages is the limit.";
    exposition.gauge("d365_direct_table_pages", None, help, u64::from(table.pages))?;
    let help = "Blocks of sources (/16) that are looked up in the slower trie for want of pages.";
    exposition.gauge("d365_direct_table_trie_blocks", None, help, u64::from(table.trie_blocks))
}

/// One series for each interface. Once it was attached, its labels keep their last values, so that the series
/// goes to 0 and is not replaced by another when the attachment is lost.
fn attachments(exposition: &mut Exposition<'_>, snapshot: &Snapshot) -> fmt::Result {
    // Packets of an unknown interface are counted, but nothing is attached to it.
    let watched = snapshot.interfaces.iter().filter(|iface| iface.name != UNKNOWN_INTERFACE);
    let samples = watched.map(|iface| {
        let mode = iface.mode.map_or("none", Mode::as_str);
        ([("iface", iface.name.as_str()), ("mode", mode)], u64::from(iface.attached))
    });
    let help = "1 while the program is attached to the interface, else 0; mode is the last known, none \
                before the first attachment.";
    exposition.gauges("d365_attached", None, help, samples)?;
    let help = "Times that the programs of an interface were attached after the start: it had lost them, or appeared.";
    let watched = snapshot.interfaces.iter().filter(|iface| iface.name != UNKNOWN_INTERFACE);
    let samples = watched.map(|iface| ([("iface", iface.name.as_str())], iface.reattached));
    exposition.counters("d365_reattached", None, help, samples)?;
    let help =
        "Interfaces that match a pattern of --iface and are not watched; the log has the reason for each.";
    exposition.gauge("d365_interfaces_left_out", None, help, snapshot.interfaces_left_out)
}

/// The customary metrics of a process.
fn process(exposition: &mut Exposition<'_>, stats: &ProcessStats) -> fmt::Result {
    let (seconds, bytes) = (Some(&Unit::Seconds), Some(&Unit::Bytes));
    exposition.counter("process_cpu", seconds, "User and system CPU time spent.", stats.cpu.as_secs_f64())?;
    let help = "Start of the process since the Unix epoch.";
    exposition.gauge("process_start_time", seconds, help, stats.start.as_secs_f64())?;
    exposition.gauge("process_resident_memory", bytes, "Resident memory size.", stats.resident_bytes)?;
    exposition.gauge("process_virtual_memory", bytes, "Virtual memory size.", stats.virtual_bytes)?;
    exposition.gauge("process_threads", None, "Threads.", stats.threads)?;
    if let Some(fds) = stats.open_fds {
        exposition.gauge("process_open_fds", None, "Open file descriptors.", fds)?;
    }
    if let Some(fds) = stats.max_fds {
        exposition.gauge("process_max_fds", None, "Most open file descriptors allowed.", fds)?;
    }
    Ok(())
}
