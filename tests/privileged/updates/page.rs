//! The download page: the document that the daemon chooses, its cloud and its host.

use std::time::Duration;

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    https::Answer,
    require,
    scrape::Scrape,
    vendor::Documents,
};

use super::site::{Site, failures, pending, ranges, wait_until};

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

/// Options of a daemon whose sources find their documents on the server's page.
fn options(site: &Site, sources: &[&str]) -> DaemonOptions {
    let options = site.options(sources).args(["--confirm-after", "2s"]);
    let host = format!("localhost:{}", site.server.address().port());
    options.args(["--page-url", &site.server.url("/page"), "--allow-host", &host])
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
    // A document on another host is fetched only when that is allowed.
    let page = site.server.url("/page").replace("localhost", "127.0.0.1");
    let refused = site.options(&["azure"]).args(["--page-url", &page]);
    let exit = Daemon::run(&site.lab.host, &refused).unwrap();
    assert_eq!(exit.status.code(), Some(3), "{}", exit.stderr);
    let expected = "no service tags document of the cloud public on an allowed host (download.microsoft.com)";
    assert!(exit.stderr.contains(expected), "{}", exit.stderr);
    assert_eq!(site.server.count(&older), 0);

    // This source is alone, so that its list is not the embedded one.
    let options = options(&site, &["azure"]);
    let daemon = site.start(&options);
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
    let no_document = |scrape: &Scrape| failures(scrape, "page_without_document") > 0;
    let scrape = wait_until(&daemon, "a failure", no_document);
    assert_eq!(ranges(&scrape), 22);
    daemon.stop().unwrap();

    // The embedded list is newer than what is kept, so its ranges are listed too and stay.
    let daemon = site.start(&options);
    let expected = ["whose other ranges are listed too", " ranges=17"];
    daemon.wait_for_line(&expected, Duration::from_secs(5)).unwrap();
    assert_eq!(ranges(&wait_until(&daemon, "a failure", no_document)), 39);
    daemon.stop().unwrap();
}

/// A URL of one cloud has once returned another cloud's document.
#[test]
fn a_sovereign_clouds_source_takes_its_own_document_alone() {
    require!(Root, Tool("ip"), Daemon);
    let clouds =
        [("azure:government", "AzureGovernment", GOVERNMENT, "USG"), ("azure:china", "China", CHINA, "CHN")];
    for (documents, (source, cloud, name, geo)) in
        Documents::all().iter().flat_map(|documents| clouds.map(|cloud| (documents, cloud)))
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
