//! The download page: the document that the daemon chooses, its cloud, its host, and the list with which it
//! is compared.

use std::{net::IpAddr, time::Duration};

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    https::Answer,
    require,
    scrape::Scrape,
    vendor::Documents,
};
use serde_json::{Value, json};

use super::site::{Site, failures, pending, ranges, wait_until};
use crate::mail::{deliver_from, embedded, listen, sources, tally};

const OLDEST: &str = "public-2025-02-17-cn346.json";
const OLDER: &str = "public-2025-cn376.json";
const NEWER: &str = "public-2026-cn398.json";
const GOVERNMENT: &str = "government-2026-05-04-cn391.json";
const CHINA: &str = "china-2026-05-04-cn394.json";

/// The path of a document since 2025. [`old_path`] is the form before.
fn path(cloud: &str, date: &str) -> String {
    format!("/download/7/1/d/71d86715-5596-4529-9b13-da13a5de5b63/ServiceTags_{cloud}_{date}.json")
}

fn old_path(cloud: &str, date: &str) -> String {
    format!("/download/7/1/D/71D86715-5596-4529-9B13-DA13A5DE5B63/ServiceTags_{cloud}_{date}.json")
}

/// Serves a page at `/page` with links to these paths of the server.
fn lists(site: &Site, paths: &[&str]) {
    let links = paths.iter().map(|path| format!("<a href=\"{}\">download</a>\n", site.server.url(path)));
    let page = format!("<!DOCTYPE html><html><body>{}</body></html>", links.collect::<String>());
    site.server.route("/page", [Answer::ok(page)]);
}

fn host(site: &Site) -> String {
    format!("localhost:{}", site.server.address().port())
}

/// Options of a daemon whose sources find their documents on the server's page.
fn options(site: &Site, sources: &[&str]) -> DaemonOptions {
    let options = site.options(sources).args(["--confirm-after", "2s"]);
    options.args(["--page-url", &site.server.url("/page"), "--allow-host", &host(site)])
}

fn change_number(scrape: &Scrape, number: &str) -> bool {
    scrape.select("d365_generation_info", &[("change_number", number)]).count() == 1
}

#[test]
fn the_newest_document_of_the_cloud_is_taken_and_a_newer_one_when_it_is_there() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let (oldest, older, newer) =
        (old_path("Public", "20250217"), path("Public", "20250922"), path("Public", "20260504"));
    let china = path("China", "20261102");
    for (path, name) in [(&oldest, OLDEST), (&older, OLDER), (&newer, NEWER), (&china, CHINA)] {
        site.serves(path, name);
    }
    lists(&site, &[&china, &older, &oldest]);
    // This source is alone, so that its list is not the embedded one.
    let daemon = site.start(&options(&site, &["azure"]));
    let scrape = wait_until(&daemon, "the older list", |scrape| ranges(scrape) == 17);
    assert!(change_number(&scrape, "376"));

    lists(&site, &[&oldest, &newer, &china, &older]);
    wait_until(&daemon, "five additions that wait", |scrape| pending(scrape, "addition") == 5);
    let scrape = wait_until(&daemon, "the newer list", |scrape| ranges(scrape) == 22);
    assert!(change_number(&scrape, "398"));
    assert_eq!(scrape.sum("d365_source_failures_total", &[]), 0);
    assert_eq!([&oldest, &china].map(|path| site.server.count(path)), [0, 0], "never asked for");

    // A path of the old form is accepted too. A page without a document changes nothing.
    let newest = old_path("Public", "20260511");
    site.serves(&newest, NEWER);
    lists(&site, &[&older, &newest]);
    wait_until(&daemon, "the newest document", |_| site.server.count(&newest) > 0);
    lists(&site, &[]);
    let reason = "page_without_document";
    let scrape = wait_until(&daemon, "a failure", |scrape| failures(scrape, reason) > 0);
    assert_eq!(ranges(&scrape), 22);
    daemon.stop().unwrap();
}

#[test]
fn a_document_on_another_host_is_fetched_only_when_that_is_allowed() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let newer = path("Public", "20261012");
    site.serves(&newer, NEWER);
    lists(&site, &[&newer]);
    let page = site.server.url("/page").replace("localhost", "127.0.0.1");
    let options = || site.options(&["azure"]).args(["--page-url", &page]);
    let exit = Daemon::run(&site.lab.host, &options()).unwrap();
    assert_eq!(exit.status.code(), Some(3), "{}", exit.stderr);
    let said = "no service tags document of the cloud public on an allowed host (download.microsoft.com)";
    assert!(exit.stderr.contains(said), "{}", exit.stderr);
    assert_eq!(site.server.count(&newer), 0);
    let allowed = options().args(["--allow-host", &host(&site)]);
    let daemon = site.start(&allowed);
    assert_eq!(ranges(&daemon.scrape().unwrap()), 22);
    daemon.stop().unwrap();

    // A redirect cannot lead there either.
    let elsewhere = site.server.url("/elsewhere").replace("localhost", "127.0.0.1");
    site.server.route(&newer, [Answer::redirect(&elsewhere)]);
    let daemon = site.start(&allowed);
    let scrape = wait_until(&daemon, "a failure", |scrape| failures(scrape, "host_not_allowed") > 0);
    assert_eq!((ranges(&scrape), site.server.count("/elsewhere")), (22, 0));
    daemon.stop().unwrap();
}

/// A URL of one cloud has once returned another cloud's document.
#[test]
fn a_sovereign_clouds_source_takes_its_own_document_alone() {
    require!(Root, Tool("ip"), Daemon);
    Documents::all().iter().for_each(own_document_alone);
}

fn own_document_alone(documents: &Documents) {
    for (source, cloud, name, geo) in
        [("azure:government", "AzureGovernment", GOVERNMENT, "USG"), ("azure:china", "China", CHINA, "CHN")]
    {
        let site = Site::with(documents.clone());
        let (own, public) = (path(cloud, "20260504"), path("Public", "20261102"));
        site.serves(&own, NEWER);
        site.serves(&public, NEWER);
        lists(&site, &[&public, &own]);
        let daemon = site.start(&options(&site, &["embedded", source]));
        let wrong = [("source", source), ("reason", "wrong_cloud")];
        let refused = |scrape: &Scrape| scrape.sum("d365_source_failures_total", &wrong);
        let scrape = wait_until(&daemon, "a refusal", |scrape| refused(scrape) > 0);
        let succeeded = [("source", source)];
        let success = "d365_source_last_success_timestamp_seconds";
        assert_eq!((ranges(&scrape), scrape.select(success, &succeeded).count()), (39, 0));

        site.serves(&own, name);
        let scrape = wait_until(&daemon, "its own document", |scrape| ranges(scrape) == 41);
        assert_eq!(scrape.select("d365_range_packets_total", &[("geo", geo)]).count(), 2, "{source}");
        assert_eq!(site.server.count(&public), 0);
        daemon.stop().unwrap();
    }
}

/// The newest document with the embedded list's prefixes and regions, without the first `but` and with
/// `more`.
fn with_prefixes(site: &Site, but: usize, more: &[&str]) -> Vec<u8> {
    const TAG: &str = "Dynamics365ForMarketingEmail";
    let mut whole: Value = serde_json::from_slice(&site.document(NEWER)).unwrap();
    let values = whole["values"].as_array_mut().unwrap();
    let is_of_the_tag = |value: &mut Value| value["name"].as_str().unwrap().starts_with(TAG);
    let tag = values.extract_if(.., is_of_the_tag).find(|value| value["name"] == TAG).unwrap();
    let entry = |name: &str, prefixes: &[&str]| {
        let mut entry = tag.clone();
        (entry["name"], entry["id"]) = (json!(name), json!(name));
        entry["properties"]["addressPrefixes"] = json!(prefixes);
        entry
    };
    let set = embedded();
    let own =
        set.ranges()[but..].iter().map(|range| (range.prefix.to_string(), range.region.as_deref().unwrap()));
    let own: Vec<_> = own.collect();
    let all: Vec<&str> = own.iter().map(|(prefix, _)| prefix.as_str()).chain(more.iter().copied()).collect();
    values.push(entry(TAG, &all));
    values.extend(own.iter().map(|(prefix, region)| entry(&format!("{TAG}.{region}"), &[prefix])));
    whole["changeNumber"] = json!(430);
    serde_json::to_vec(&whole).unwrap()
}

#[test]
fn beside_the_embedded_list_the_first_download_is_compared_with_it() {
    require!(Root, Tool("ip"), Daemon);
    Documents::all().into_iter().for_each(first_download);
}

fn first_download(documents: Documents) {
    let site = Site::with(documents);
    let newest = path("Public", "20261102");
    site.server.route(&newest, [Answer::ok(with_prefixes(&site, 1, &["20.50.50.0/27"]))]);
    lists(&site, &[&newest]);
    let daemon = site.start(&options(&site, &["embedded", "azure"]));
    let scrape = wait_until(&daemon, "a removal that waits", |scrape| pending(scrape, "removal") == 1);
    assert_eq!(scrape.sum("d365_ranges_retired", &[]), 0);
    let scrape = wait_until(&daemon, "the confirmed addition", |scrape| ranges(scrape) == 40);
    assert_eq!((pending(&scrape, "addition"), pending(&scrape, "removal")), (0, 1));
    daemon.stop().unwrap();
}

/// The state directory contains an old document, and the program is newer. A range of the embedded list stays
/// if the next document contains it too.
#[test]
fn what_the_newer_embedded_list_brings_stays_when_the_next_document_has_it_too() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let (old, new) = (path("Public", "20260504"), path("Public", "20261102"));
    site.serves(&old, NEWER);
    site.server.route(&new, [Answer::ok(with_prefixes(&site, 0, &[]))]);
    lists(&site, &[&old]);
    let options = options(&site, &["azure"]);
    let daemon = site.start(&options);
    wait_until(&daemon, "the old list", |scrape| ranges(scrape) == 22);
    daemon.stop().unwrap();

    let _listener = listen(&site.lab);
    let all: Vec<IpAddr> = sources(embedded().ranges());
    lists(&site, &[&new]);
    let daemon = site.start(&options);
    let said = ["whose other ranges are listed too", " ranges=17"];
    daemon.wait_for_line(&said, Duration::from_secs(5)).unwrap();
    assert_eq!(ranges(&daemon.scrape().unwrap()), 39);
    let name = "d365_source_last_success_timestamp_seconds";
    let before = daemon.scrape().unwrap().value(name, &[]);
    wait_until(&daemon, "two fetches", |scrape| {
        assert_eq!(ranges(scrape), 39);
        site.server.count(&new) >= 2 && scrape.value(name, &[]) > before
    });
    deliver_from(&site.lab, 0, &all);
    let scrape = daemon.scrape().unwrap();
    assert_eq!(tally(&scrape, "smtp", &[]).connections, 39);
    assert_eq!(scrape.sum("d365_ranges_pending", &[]), 0, "{}", daemon.log());
    daemon.stop().unwrap();
}
