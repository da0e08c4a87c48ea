//! The files that `docs/serve.md` shows.

use std::{fs, path::Path};

use d365_tests::{https::Authority, promtool, require, temp::TempDir};
use d365_user::http::WebConfig;

/// The blocks of YAML in the page.
fn blocks() -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/serve.md");
    let page = fs::read_to_string(page).unwrap();
    let blocks = page.split("\n```yaml\n").skip(1);
    blocks.map(|block| block.split("\n```\n").next().unwrap().to_owned()).collect()
}

#[test]
fn the_web_configurations_are_accepted_as_they_are_shown() {
    let (authority, place) = (Authority::new().unwrap(), TempDir::new("web"));
    let (certificate, key) = authority.issue_pem(&["mx1.example"]).unwrap();
    authority.write(&place.file("ca.crt")).unwrap();
    fs::write(place.file("tls.crt"), certificate).unwrap();
    fs::write(place.file("tls.key"), key).unwrap();
    let files: Vec<_> =
        blocks().into_iter().filter(|block| block.starts_with("tls_server_config:")).collect();
    assert_eq!(files.len(), 2);
    for text in files {
        fs::write(place.file("web.yml"), &text).unwrap();
        let config =
            WebConfig::read(&place.file("web.yml")).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(config.has_tls());
    }
}

#[test]
fn prometheus_accepts_the_scrape_as_it_is_shown() {
    require!(Tool("promtool"));
    let place = TempDir::new("prometheus");
    Authority::new().unwrap().write(&place.file("ca.crt")).unwrap();
    fs::write(place.file("password"), "secret").unwrap();
    let scrape: Vec<_> = blocks().into_iter().filter(|block| block.starts_with("scrape_configs:")).collect();
    assert_eq!(scrape.len(), 1);
    fs::write(place.file("prometheus.yml"), &scrape[0]).unwrap();
    assert_eq!(promtool::refusal("config", &place.file("prometheus.yml")).unwrap(), None);
}
