//! Prints the counters as tables, and compares them with the traffic that was sent.

use anyhow::{Result, ensure};
use d365_tests::{
    raw::{Sniffed, Tally},
    scrape::Scrape,
};

use super::{
    PORT,
    plan::{Geo, Plan, Sender},
};

/// The counts of a scrape under these labels; `what` is a part of the metrics' names.
fn counted(scrape: &Scrape, what: &str, labels: &[(&str, &str)]) -> Tally {
    let count = |unit| scrape.sum(&format!("d365_{what}_{unit}_total"), labels);
    Tally { packets: count("packets"), bytes: count("bytes"), connections: count("connections") }
}

fn of_geo(scrape: &Scrape, (geo, source): &Geo) -> Tally {
    counted(scrape, "smtp", &[("geo", geo), ("geo_source", source)])
}

/// The mode in which the daemon is attached, such as `, native mode`.
pub(super) fn mode(scrape: &Scrape) -> String {
    let modes = scrape.select("d365_attached", &[]).filter_map(|sample| sample.labels.get("mode"));
    modes.map(|mode| format!(", {mode} mode")).collect()
}

pub(super) fn print(scrape: &Scrape, plan: &Plan) {
    println!(
        "{:<10}{:<12}{:>7}{:>10}{:>10}{:>13}",
        "geo", "source", "ranges", "packets", "bytes", "connections"
    );
    let line = |name: &str, source: &str, ranges: &str, Tally { packets, bytes, connections }: Tally| {
        println!("{name:<10}{source:<12}{ranges:>7}{packets:>10}{bytes:>10}{connections:>13}");
    };
    for geo in plan.geos().keys() {
        let ranges = scrape.sum("d365_ranges", &[("geo", &geo.0), ("geo_source", &geo.1)]);
        line(&geo.0, &geo.1, &ranges.to_string(), of_geo(scrape, geo));
    }
    let ranges = scrape.sum("d365_ranges", &[]).to_string();
    line("all", "", &ranges, counted(scrape, "smtp", &[]));
    line("unlisted", "", "", counted(scrape, "unlisted_smtp", &[]));

    println!("\n{:<22}{:>10}", "other packets", "packets");
    for other in scrape.select("d365_other_packets_total", &[]) {
        let reason = other.labels.get("reason").map_or("", String::as_str);
        println!("{reason:<22}{:>10}", other.value);
    }
    println!();
}

/// Compares the counters with the sessions that were made, and with the counts of an independent capture.
pub(super) fn compare(scrape: &Scrape, plan: &Plan, sniffed: &Sniffed) -> Result<()> {
    for (geo, senders) in plan.geos() {
        let what = format!("geo {} ({})", geo.0, geo.1);
        check(&what, of_geo(scrape, geo), &senders, sniffed)?;
        for sender in senders {
            let prefix = sender.range.as_ref().map_or("", |(prefix, _)| prefix);
            let range = counted(scrape, "range", &[("range", prefix)]);
            check(&format!("range {prefix}"), range, &[sender], sniffed)?;
        }
    }
    let unlisted: Vec<_> = plan.unlisted().collect();
    check("unlisted sources", counted(scrape, "unlisted_smtp", &[]), &unlisted, sniffed)?;
    let smtp = counted(scrape, "smtp", &[]).packets + counted(scrape, "unlisted_smtp", &[]).packets;
    let (all, seen) = (smtp + scrape.sum("d365_other_packets_total", &[]), sniffed.all().packets);
    ensure!(all == seen, "all classes together count {all} packets where {seen} arrived");
    println!(
        "As sent: connections equal the sessions made, for each geo, each of {} ranges and the unlisted;\n\
         packets and bytes equal what a capture behind XDP saw, {seen} packets in all.",
        plan.senders.iter().filter(|sender| sender.range.is_some()).count(),
    );
    Ok(())
}

fn check(what: &str, counted: Tally, senders: &[&Sender], sniffed: &Sniffed) -> Result<()> {
    let sessions: usize = senders.iter().map(|sender| sender.sessions).sum();
    let connections = counted.connections;
    ensure!(
        connections == u64::try_from(sessions)?,
        "{what}: {connections} connections, {sessions} sessions"
    );
    let seen: Tally = senders.iter().map(|sender| sniffed.from(sender.address, PORT)).sum();
    ensure!(counted == seen, "{what}: counted {counted:?} where a capture saw {seen:?}");
    Ok(())
}
