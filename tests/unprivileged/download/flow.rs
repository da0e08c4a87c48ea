//! The way from the page to the document, and the conditional request of the next time.

use anyhow::Result;
use d365_tests::{
    https::{Answer, Server},
    vendor::Documents,
};
use d365_user::source::{
    Cloud, documents,
    download::{Client, Host, Options, Problem, Target, fetch},
};

use super::site::{Site, document};

const OLD: &str = "/download/7/1/D/71D86715/ServiceTags_Public_20250203.json";
const NEW: &str = "/download/7/1/d/71d86715/ServiceTags_Public_20260803.json";

/// A target with the site's page. Its documents may be on the same host.
fn target(site: &Site) -> Target {
    let host: Host = site.url("/").host().clone();
    Target::current(Cloud::Public, Some(site.url("/page")), &[host]).expect("a target")
}

fn page(server: &Server, paths: &[&str]) -> Answer {
    let links: String =
        paths.iter().map(|path| format!("<a href=\"{}\">here</a>\n", server.url(path))).collect();
    Answer::ok(format!("<!DOCTYPE html><html>{links}<a href=\"https://example.com/\">there</a></html>"))
}

#[test]
fn the_newest_document_of_the_page_is_fetched() -> Result<()> {
    let site = Site::new()?;
    site.server.route("/page", [page(&site.server, &[OLD, NEW])]);
    site.server.route(NEW, [Answer::ok("{}").header("ETag", "\"new\"").header("Last-Modified", "today")]);
    let found = document(&site.trust.client()?, &target(&site))?;
    assert_eq!(found.bytes, b"{}");
    assert_eq!(found.stamp.url, site.url(NEW));
    assert_eq!(found.stamp.date.unwrap(), "2026-08-03");
    assert_eq!(found.stamp.validators.etag.as_deref(), Some("\"new\""));
    assert_eq!(found.stamp.validators.last_modified.as_deref(), Some("today"));
    assert_eq!((site.server.count("/page"), site.server.count(NEW), site.server.count(OLD)), (1, 1, 0));
    Ok(())
}

#[test]
fn what_is_known_is_not_fetched_again() -> Result<()> {
    for (field, value) in [("ETag", "W/\"1\""), ("Last-Modified", "Mon, 03 Aug 2026 10:00:00 GMT")] {
        let site = Site::new()?;
        let client = site.trust.client()?;
        site.server.route(
            "/page",
            [page(&site.server, &[OLD]), page(&site.server, &[OLD]), page(&site.server, &[NEW])],
        );
        for path in [OLD, NEW] {
            site.server.route(path, [Answer::ok(path).header(field, value)]);
        }
        let known = document(&client, &target(&site))?.stamp;
        assert_eq!(fetch(&client, &target(&site), Some(&known))?, None);
        // The page now links another document. The client downloads it although its validators are the same.
        let Some(new) = fetch(&client, &target(&site), Some(&known))? else { panic!("a document") };
        assert_eq!((new.bytes.as_slice(), new.stamp.url), (NEW.as_bytes(), site.url(NEW)));
    }
    Ok(())
}

#[test]
fn what_changed_is_fetched_again() -> Result<()> {
    let site = Site::new()?;
    let client = site.trust.client()?;
    let target = Target::document(site.url(OLD), &[]);
    let answer = |text: &str| Answer::ok(text).header("ETag", &format!("\"{text}\""));
    site.server.route(OLD, [answer("one"), answer("two")]);
    let one = document(&client, &target)?;
    assert_eq!(one.stamp.date.as_deref(), Some("2025-02-03"), "a date in the name of a plain URL");
    let Some(two) = fetch(&client, &target, Some(&one.stamp))? else { panic!("a document") };
    assert_eq!((two.bytes.as_slice(), two.stamp.validators.etag.as_deref()), (&b"two"[..], Some("\"two\"")));
    // A server that sends no validators gets an unconditional request.
    site.server.route("/plain", [Answer::ok("x")]);
    let target = Target::document(site.url("/plain"), &[]);
    let plain = document(&client, &target)?;
    assert_eq!(fetch(&client, &target, Some(&plain.stamp))?, Some(plain));
    Ok(())
}

/// Pages of another kind, and those that the vendor's servers gave on bad days.
#[test]
fn a_page_without_a_document_is_rejected() -> Result<()> {
    let site = Site::new()?;
    let client = site.trust.client()?;
    let elsewhere = format!("<a href=\"https://evil.example{NEW}\">");
    let china = site.server.url(NEW).replace("Public", "China");
    let pages = ["", "<html>", "{}", "\u{0}\u{ff}", &elsewhere, &china].map(|text| text.as_bytes().to_vec());
    let rejected = Documents::all().into_iter().flat_map(|documents| documents.rejected());
    for page in pages.into_iter().chain(rejected.map(|(_, bytes)| bytes)) {
        site.server.route("/page", [Answer::ok(page)]);
        let error = document(&client, &target(&site)).unwrap_err();
        assert!(matches!(error.problem, Problem::PageWithoutDocument { .. }), "{error}");
        assert_eq!((error.reason().as_str(), &error.url), ("page_without_document", &site.url("/page")));
    }
    assert_eq!(site.server.received().len(), site.server.count("/page"), "only the page was asked for");
    Ok(())
}

#[test]
fn a_challenge_with_the_status_of_success_is_rejected() -> Result<()> {
    let site = Site::new()?;
    let challenge = "<!DOCTYPE html><script>window._cf_chl_opt={}</script>";
    site.server.route("/page", [Answer::ok(challenge)]);
    for target in [target(&site), Target::document(site.url("/page"), &[])] {
        let error = document(&site.trust.client()?, &target).unwrap_err();
        assert!(matches!(error.problem, Problem::Challenge { by: "Cloudflare", status: 200, .. }), "{error}");
    }
    // The vendor's page may contain such scripts and still list documents.
    let link = format!("{challenge}<a href=\"{}\">", site.server.url(NEW));
    site.server.route("/page", [Answer::ok(link)]);
    site.server.route(NEW, [Answer::ok("{}")]);
    assert_eq!(document(&site.trust.client()?, &target(&site))?.bytes, b"{}");
    Ok(())
}

#[test]
fn servers_hear_an_honest_name_or_the_one_that_was_given() -> Result<()> {
    let site = Site::new()?;
    site.server.route("/", [Answer::ok("x")]);
    let target = Target::document(site.url("/"), &[]);
    document(&site.trust.client()?, &target)?;
    let user_agent = "curl/8.5.0".parse().map_err(anyhow::Error::msg)?;
    document(&Client::new(&Options { user_agent, ..site.trust.options() })?, &target)?;
    let received = site.server.received();
    let names: Vec<_> = received.iter().filter_map(|request| request.header("user-agent")).collect();
    assert!(names[0].starts_with("Mozilla/5.0 (compatible; d365-user/"), "{names:?}");
    assert_eq!(names[1], "curl/8.5.0");
    Ok(())
}

/// A cached document is stored without the query for which the server gave its validators.
#[test]
fn another_query_is_asked_for_whole() -> Result<()> {
    let site = Site::new()?;
    let client = site.trust.client()?;
    for query in ["1", "2"] {
        site.server.route(&format!("/x?sig={query}"), [Answer::ok(query).header("ETag", "\"same\"")]);
    }
    let [one, two] = ["1", "2"].map(|query| Target::document(site.url(&format!("/x?sig={query}")), &[]));
    let known = document(&client, &one)?;
    assert_eq!(fetch(&client, &one, Some(&known.stamp))?, None);
    let Some(other) = fetch(&client, &two, Some(&known.stamp))? else { panic!("a document") };
    assert_eq!(other.bytes, b"2");
    let kept = documents::decode(&documents::encode(&known)?)?.stamp;
    assert!(fetch(&client, &one, Some(&kept))?.is_some());
    Ok(())
}
