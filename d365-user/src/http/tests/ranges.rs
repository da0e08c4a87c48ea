//! Tests of the published list over HTTP.

use super::{Server, Source};
use crate::{
    export::{FORMATS, document::tests::sample},
    published::{Lease, PublishedList},
};

/// A server with a list; its first source is trusted without an end.
fn server() -> Server {
    let mut list = sample();
    list.sources[0].lease = Lease::Endless;
    list.sources[0].last_success = Some(1_795_482_000);
    let source = Source::default();
    *source.list.lock().unwrap() = list;
    Server::start(source)
}

#[test]
fn every_format_has_its_type_and_the_lists_ranges() {
    let server = server();
    for format in FORMATS {
        let answer = server.get(&format!("/ranges?format={}", format.name));
        assert_eq!(answer.status, 200, "{}", format.name);
        assert_eq!(answer.header("content-type"), Some(format.content_type));
        assert!(answer.body.contains("192"), "{}", answer.body);
    }
    let list: PublishedList = serde_json::from_str(&server.get("/ranges?format=json").body).unwrap();
    assert_eq!((list.ranges.len(), list.retired.len()), (5, 0));
    let without = server.get("/ranges");
    assert_eq!(without.body, server.get("/ranges?format=plain").body);
}

#[test]
fn the_query_has_the_flags_of_the_command() {
    let server = server();
    let prefixes = |query: &str| {
        let answer = server.get(&format!("/ranges?{query}"));
        let lines = answer.body.lines().filter(|line| !line.starts_with('#'));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(prefixes("geo=KOR"), ["2001:db8::/47"]);
    assert_eq!(prefixes("geo=EUR,KOR&family=ipv4"), ["192.0.2.128/25", "198.51.100.7/32"]);
    assert_eq!(prefixes("geo=NAM&include-retired=true").last().unwrap(), "203.0.113.0/24");
    assert_eq!(prefixes("on-lapse=empty").len(), 3);
}

#[test]
fn a_request_that_is_not_valid_gets_a_reason() {
    let server = server();
    for (query, status, reason) in [
        ("format=xml", 400, "\"xml\" is not a format; use one of plain, json"),
        ("geo=nam", 400, "\"nam\" is not a geo"),
        ("geo=", 400, "\"\" is not a geo"),
        ("family=4", 400, "\"4\" is not a family; use one of ipv4, ipv6"),
        ("on-lapse=ignore", 400, "keep, fail, empty"),
        ("include-retired=2", 400, "include-retired"),
        ("colour=red", 400, "unknown field `colour`"),
        ("format=json&format=plain", 400, "duplicate field `format`"),
        ("geo=KOR&family=ipv4", 404, "no range of this selection"),
        ("on-lapse=fail", 503, "the lease of 2 of 5 ranges has ended"),
    ] {
        let answer = server.get(&format!("/ranges?{query}"));
        assert_eq!(answer.status, status, "{query}");
        assert!(answer.body.contains(reason), "{query}: {}", answer.body);
        assert_eq!(answer.body.lines().count(), 1, "{query}");
    }
    assert_eq!(server.get(&format!("/ranges?geo={}", "A".repeat(1021))).status, 414);
    assert_eq!(server.get(&format!("/ranges?geo={}", "A".repeat(1020))).status, 400);
    assert_eq!(server.request("POST", "/ranges", "").status, 405);
}

#[test]
fn a_client_that_has_the_list_gets_none() {
    let server = server();
    let answer = server.get("/ranges");
    let tag = answer.header("etag").unwrap().to_owned();
    assert_eq!(answer.header("last-modified"), Some("tue, 24 nov 2026 01:00:00 gmt"), "the source's reading");
    let status = |header: &str| server.request("GET", "/ranges", &format!("{header}\r\n")).status;
    for header in [
        format!("If-None-Match: {tag}"),
        format!("If-None-Match: \"x\", W/{tag}"),
        "If-None-Match: *".to_owned(),
        "If-Modified-Since: Tue, 24 Nov 2026 01:00:00 GMT".to_owned(),
    ] {
        assert_eq!(status(&header), 304, "{header}");
    }
    for header in [
        "If-None-Match: \"x\"",
        "If-None-Match: \"x\"\r\nIf-Modified-Since: Tue, 24 Nov 2026 01:00:00 GMT",
        "If-Modified-Since: Tue, 24 Nov 2026 00:59:59 GMT",
        "If-Modified-Since: yesterday",
    ] {
        assert_eq!(status(header), 200, "{header}");
    }
    let known = server.request("GET", "/ranges", &format!("If-None-Match: {tag}\r\n"));
    assert_eq!((known.body.as_str(), known.header("etag")), ("", Some(tag.as_str())));
    server.source.list.lock().unwrap().sources[0].lease = Lease::Until(1);
    assert_ne!(server.get("/ranges").header("etag"), Some(tag.as_str()), "the lease is part of the list");
    server.source.list.lock().unwrap().sources[0].lease = Lease::Until(1_795_482_060);
    let ended = server.get("/ranges");
    assert_eq!(ended.header("last-modified"), Some("tue, 24 nov 2026 01:01:00 gmt"), "the lease's end");
    let head = server.request("HEAD", "/ranges", "");
    assert_eq!((head.status, head.body.as_str(), head.header("etag")), (200, "", ended.header("etag")));
}

#[test]
fn before_the_first_publication_there_is_no_list() {
    let server = Server::start(Source::default());
    let answer = server.get("/ranges");
    assert_eq!((answer.status, answer.body.as_str()), (503, "no list is published yet\n"));
}
