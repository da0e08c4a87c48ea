//! `--watch-azure`: new connections from unlisted sources inside Azure, by the regions of a document.

use std::{
    net::IpAddr,
    thread,
    time::{Duration, Instant},
};

use d365_common::names::SAMPLE_RING;
use d365_tests::{
    daemon::Daemon,
    https::Answer,
    raw::FrameSender,
    require,
    scrape::{Sample, Scrape},
    vendor::Documents,
};

use super::site::{Site, failures, wait_until};
use crate::{
    judged::syn,
    mail::{deliver_again, listen, tally},
    steps::ListFile,
};

const DOCUMENT: &str = "public-2026-cn398.json";
/// Inside `AzureCloud.swedencentral` (`4.166.0.0/16`), and in no range of the tag.
const SWEDEN: &str = "4.166.200.9";
/// Inside `AzureCloud.westus2` (`4.149.128.0/17`, `2603:1030:c00::/48`).
const WEST_US: [&str; 2] = ["4.149.130.9", "2603:1030:c00::9"];
/// Inside `AzureCloud.canadacentral`, and listed.
const LISTED: &str = "13.71.171.9";
const OUTSIDE: [&str; 2] = ["198.51.100.7", "2001:db8:1::7"];
const FAMILY: &str = "d365_unlisted_azure_connections_total";

fn in_region(scrape: &Scrape, region: &str) -> u64 {
    scrape.count(FAMILY, &[("region", region)])
}

fn lost(scrape: &Scrape) -> u64 {
    scrape.count("d365_unlisted_azure_lost_total", &[])
}

/// The published list by its number, digest and ranges, and the number of waiting changes.
fn published(daemon: &Daemon) -> Vec<Sample> {
    let scrape = daemon.scrape().unwrap();
    let names = ["d365_generation", "d365_generation_info", "d365_ranges", "d365_ranges_pending"];
    names.iter().flat_map(|name| scrape.select(name, &[])).cloned().collect()
}

fn add_sources(site: &Site) {
    let all = [SWEDEN, LISTED].into_iter().chain(WEST_US).chain(OUTSIDE);
    all.for_each(|source| site.lab.add_source(source.parse().unwrap()).unwrap());
}

fn mail(site: &Site, sources: &[&str]) {
    let sources: Vec<IpAddr> = sources.iter().map(|source| source.parse().unwrap()).collect();
    deliver_again(&site.lab, 0, &sources);
}

/// Asserts that every region of the document (each `AzureCloud` entry with a region) has a series before its
/// first connection.
fn assert_all_at_zero(site: &Site, daemon: &Daemon) {
    let document: serde_json::Value = serde_json::from_slice(&site.document(DOCUMENT)).unwrap();
    let names = document["values"].as_array().unwrap().iter().map(|value| value["name"].as_str().unwrap());
    let all = names.filter(|name| name.starts_with("AzureCloud.")).count();
    assert!(all > 30, "{all} regions");
    let scrape = wait_until(daemon, "the regions", |scrape| scrape.select(FAMILY, &[]).count() == all);
    assert_eq!((scrape.sum(FAMILY, &[]), lost(&scrape)), (0, 0));
}

#[test]
fn connections_are_counted_by_region_and_nothing_else_is() {
    require!(Root, Tool("ip"), Daemon);
    for documents in Documents::all() {
        let site = Site::with(documents);
        add_sources(&site);
        let _listener = listen(&site.lab);
        let list = ListFile::new(site.document(DOCUMENT));
        site.serves("/doc", DOCUMENT);
        let watching = |source: &str| site.options(&[source]).args(["--watch-azure"]);
        let by_url = watching(&site.source("/doc"));
        for options in [&watching(&list.source), &by_url] {
            let daemon = site.start(options);
            assert_all_at_zero(&site, &daemon);
            let list = published(&daemon);
            mail(&site, &[SWEDEN, WEST_US[0], OUTSIDE[0], LISTED, SWEDEN, WEST_US[1], OUTSIDE[1], SWEDEN]);
            wait_until(&daemon, "five connections", |scrape| scrape.sum(FAMILY, &[]) == 5);
            thread::sleep(Duration::from_millis(1200));
            let scrape = daemon.scrape().unwrap();
            let regions = ["swedencentral", "westus2"].map(|region| in_region(&scrape, region));
            assert_eq!(regions, [3, 2], "{options:?}");
            assert_eq!((scrape.sum(FAMILY, &[]), lost(&scrape)), (5, 0), "nowhere else");
            assert_eq!(tally(&scrape, "unlisted_smtp", &[]).connections, 7);
            assert_eq!(tally(&scrape, "smtp", &[]).connections, 1);
            assert_eq!(published(&daemon), list, "{options:?}");
            daemon.stop().unwrap();
        }

        // The cached document contains the regions, so the daemon does not need the network first.
        site.server.route("/doc", [Answer::silence()]);
        let daemon = site.start(&by_url);
        assert_all_at_zero(&site, &daemon);
        mail(&site, &[SWEDEN]);
        let scrape = wait_until(&daemon, "a connection", |scrape| in_region(scrape, "swedencentral") == 1);
        assert_eq!(failures(&scrape, "timeout"), 0, "still waiting for the server");
        daemon.stop().unwrap();
    }
}

/// The daemon examines a bounded number of samples, and counts every connection as seen or as lost. The list
/// stays the same, however often the daemon reads its source meanwhile.
#[test]
fn a_flood_is_looked_at_as_far_as_the_ring_holds_it() {
    require!(Root, Tool("ip"), Daemon);
    const FLOOD: u64 = 30_000;
    let most = u64::from(SAMPLE_RING) / (16 + 8);
    let site = Site::new();
    site.serves("/doc", DOCUMENT);
    let daemon = site.start(&site.options(&[&site.source("/doc")]).args(["--watch-azure"]));
    assert_all_at_zero(&site, &daemon);
    let list = published(&daemon);
    let sender = FrameSender::on(&site.lab.link().sender).unwrap();
    let frame = syn(SWEDEN.parse().unwrap(), 25);
    let begun = Instant::now();
    (0..FLOOD).for_each(|_| sender.send_bytes(&frame).unwrap());
    let scrape = wait_until(&daemon, "all of them", |scrape| {
        tally(scrape, "unlisted_smtp", &[]).connections == FLOOD
            && in_region(scrape, "swedencentral") + lost(scrape) == FLOOD
    });
    let rounds = begun.elapsed().as_secs() + 2;
    let seen = in_region(&scrape, "swedencentral");
    assert!(lost(&scrape) > 0 && seen >= most - 1 && seen <= rounds * most, "{seen} seen in {rounds} rounds");
    assert_eq!(scrape.sum(FAMILY, &[]), seen);

    // The ring has room again, and counting continues.
    sender.send_bytes(&frame).unwrap();
    wait_until(&daemon, "one more", |scrape| in_region(scrape, "swedencentral") == seen + 1);
    assert_eq!(published(&daemon), list);
    daemon.stop().unwrap();
}
