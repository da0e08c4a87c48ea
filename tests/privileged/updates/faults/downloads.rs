//! Bad answers of a server. `tests/unprivileged/service_tags.rs` checks that a document is rejected when it
//! is cut off, at 200 points.

use d365_tests::{
    https::{Answer, Authority},
    require,
    vendor::Documents,
};

use super::{
    super::site::{Site, failures, wait_until},
    Counted, Watched, tags,
};

const GIGABYTE: u64 = 1 << 30;
const GOVERNMENT: &str = "government-2026-05-04-cn391.json";

/// All answers that are bad from any server: the reason, the text for the operator, and the answer.
fn bad_answers(site: &Site) -> Vec<(&'static str, &'static str, Answer)> {
    let whole = || Answer::ok(site.document(GOVERNMENT));
    let too_large = "larger than 33554432 bytes, which no such document is";
    site.server.route("/b", [Answer::redirect("/c")]);
    site.server.route("/c", [Answer::redirect("/doc")]);
    let elsewhere = site.server.url("/elsewhere").replace("localhost", "127.0.0.1");
    vec![
        (
            "host_not_allowed",
            "/elsewhere: this host is not one that a download",
            Answer::redirect(&elsewhere),
        ),
        ("status", "the server answers with status 503", Answer::status(503)),
        ("too_large", too_large, Answer::blanks(GIGABYTE)),
        ("too_large", too_large, Answer::blanks(GIGABYTE).chunked()),
        ("redirect", "more than 5 redirects, one after the other", Answer::redirect("/b")),
        ("redirect", "TLS", Answer::redirect("http://localhost/")),
        ("truncated", "the connection broke after 100000 bytes of the body", whole().reset_after(100_000)),
        ("truncated", "the connection broke after", whole().claiming(400_000)),
        ("truncated", "the document is cut off at line", whole().until_close().reset_after(50_000)),
        ("encoding", "the body is encoded (gzip)", whole().header("Content-Encoding", "gzip")),
        ("no_tag", "is not in the document of", Answer::ok(site.document("public-2019-07-22-cn82.json"))),
        ("syntax", "not valid JSON at line 1", Answer::ok("{]")),
        ("no_valid_prefix", "holds no valid prefix among 2", Answer::ok(tags(2).replace("11.0", "11.999"))),
    ]
}

/// The pages that the vendor's servers sent instead of a document, with the same.
fn rejected() -> impl Iterator<Item = (&'static str, &'static str, Answer)> {
    Documents::all().into_iter().flat_map(|documents| documents.rejected()).map(|(name, bytes)| {
        let (reason, says) = match name.as_str() {
            "empty.txt" => ("empty", "the document is empty"),
            "server-busy-xml-bom.txt" => ("xml", "this is XML"),
            _ => ("html", "this is a web page (HTML)"),
        };
        (reason, says, Answer::ok(bytes))
    })
}

#[test]
fn whatever_a_server_answers_the_list_stays_and_the_next_good_one_is_taken() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let source = site.source("/doc");
    site.server.route("/doc", [Answer::ok(tags(20))]);
    let mut watched = Watched::start(&site, &site.options(&[&source]).args(["--confirm-after", "1s"]), 20);
    let cases = rejected().chain(bad_answers(&site));
    for (count, (reason, says, answer)) in (21..).zip(cases) {
        watched.fails(Counted::Source(&source, reason), says, || {
            site.server.route("/doc", [answer]);
            watched.reads_now();
        });
        let line = watched.daemon.log();
        let line = line.lines().rfind(|line| line.contains(says)).unwrap();
        assert!(
            line.contains(&source)
                && line.contains("what was accepted before stays")
                && line.contains(" next_try="),
            "{line}"
        );
        // Every third good list has one more range. The next fetch confirms it.
        let succeeded = watched.daemon.scrape().unwrap();
        let success = "d365_source_last_success_timestamp_seconds";
        let succeeded = succeeded.value(success, &[]);
        let count = count / 3 * 3;
        site.server.route("/doc", [Answer::ok(tags(count))]);
        watched.reads_now();
        wait_until(&watched.daemon, "a good fetch", |scrape| scrape.value(success, &[]) > succeeded);
        if count > watched.published.ranges.len() as u64 {
            watched.takes(count);
        }
    }
    assert!(watched.daemon.log().contains("--allow-host adds one"), "{}", watched.daemon.log());
    assert_eq!(site.server.count("/elsewhere"), 0);
    // The daemon keeps nothing of the gigabyte.
    let memory = watched.daemon.scrape().unwrap().value("process_resident_memory_bytes", &[]);
    assert!(memory < f64::from(256 << 20), "{memory} bytes");
    watched.stop();
}

#[test]
fn a_server_that_nobody_vouches_for_is_not_believed_until_somebody_does() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let stranger = Authority::new().unwrap();
    let server = site.server_of(&stranger);
    site.server.route("/doc", [Answer::ok(tags(4))]);
    server.route("/doc", [Answer::ok(tags(6))]);
    let untrusted = format!("url:{}", server.url("/doc"));
    let mut watched = Watched::start(&site, &site.options(&[&site.source("/doc"), &untrusted]), 4);
    let says = "its certificate is not accepted: no authority that this host trusts has signed it";
    watched.fails(Counted::Source(&untrusted, "tls"), says, || ());
    let scrape = watched.daemon.scrape().unwrap();
    assert_eq!(failures(&scrape, "tls"), Counted::Source(&untrusted, "tls").of(&scrape));
    assert_eq!(server.received().len(), 0, "it was spoken to");
    // If the host begins to trust an authority, the next fetch trusts it too.
    site.trust(&stranger);
    watched.takes(6);
    watched.stop();
}
