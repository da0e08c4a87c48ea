//! A fleet: one daemon reads and gates the list, and another one takes it from there over HTTPS.

use std::{fs, time::Duration};

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    https::Authority,
    require,
    scrape::Scrape,
    temp::TempDir,
};
use d365_user::published::{self, Lease};

use super::site::{ranges, wait_until};
use crate::steps::{ListFile, lines, stop, two_links, until};

const HUB: &str = "127.0.0.1:9465";

/// The end of the only lease of the hub's published list, and its number of ranges.
fn published(hub: &DaemonOptions) -> (f64, usize) {
    let list = published::file::look(hub.state.as_ref().unwrap().path()).unwrap().unwrap();
    let Lease::Until(end) = list.sources[0].lease else { panic!("{list:?}") };
    (f64::from(u32::try_from(end).unwrap()), list.ranges.len())
}

fn expiry(scrape: &Scrape) -> f64 {
    scrape.value("d365_lease_expiry_timestamp_seconds", &[])
}

/// The hub trusts its list for an hour, the other daemon trusts its own for two weeks. The shorter lease
/// counts, also when the hub is gone.
#[test]
fn a_list_of_another_daemon_is_trusted_no_longer_than_there() {
    require!(Root, Tool("ip"), Daemon);
    let lab = two_links();
    let (authority, place) = (Authority::new().unwrap(), TempDir::new("hub"));
    let (certificate, key) = authority.issue_pem(&["127.0.0.1"]).unwrap();
    authority.write(&place.file("ca.pem")).unwrap();
    fs::write(place.file("hub.pem"), certificate).unwrap();
    fs::write(place.file("hub.key"), key).unwrap();
    fs::write(place.file("web.yml"), "tls_server_config: {cert_file: hub.pem, key_file: hub.key}\n").unwrap();
    let list = ListFile::new(lines([0, 1], "NAM"));
    let web = place.file("web.yml");
    let upstream = DaemonOptions::on(&[&lab.links[0].host.name])
        .args(["--ranges", &list.source, "--lease", "1h", "--web-config", web.to_str().unwrap()])
        .listen(HUB.parse().unwrap());
    let hub = Daemon::spawn(&lab.host, &upstream).unwrap();
    hub.wait_for_log("metrics url=https://", Duration::from_secs(30)).unwrap();
    let path = upstream.state.as_ref().unwrap().path().join(published::file::FILE);
    until(30, || path.exists(), || hub.log());

    let source = format!("url:hub=https://{HUB}/ranges?format=json&on-lapse=empty");
    let options = DaemonOptions::on(&[&lab.links[1].host.name])
        .env("SSL_CERT_FILE", place.file("ca.pem").to_str().unwrap())
        .args(["--ranges", &source, "--refresh", "1s", "--confirm-after", "1s", "--lease", "14d"]);
    let daemon = Daemon::start(&lab.host, &options).unwrap();
    let scrape = wait_until(&daemon, "the hub's list", |scrape| ranges(scrape) == 2);
    assert_eq!(scrape.sum("d365_ranges", &[("geo", "NAM")]), 2);
    let (end, _) = published(&upstream);
    let own = expiry(&scrape);
    assert!(own <= end && own > end - 600.0, "{own} by {end}");

    list.replace(lines([0, 1, 2], "NAM"));
    wait_until(&daemon, "the hub's new range", |scrape| ranges(scrape) == 3);
    assert_eq!(published(&upstream).1, 3);

    stop(hub);
    let failed = |scrape: &Scrape| scrape.sum("d365_source_failures_total", &[]) > 0;
    let scrape = wait_until(&daemon, "a failure", failed);
    assert_eq!(ranges(&scrape), 3, "the list stays");
    assert!(expiry(&scrape) <= published(&upstream).0);
    stop(daemon);
}
