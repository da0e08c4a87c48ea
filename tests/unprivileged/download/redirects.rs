//! The client follows a redirect only to an allowed host and by HTTPS, and only a limited number of times.

use anyhow::Result;
use d365_tests::https::{Answer, Server};
use d365_user::source::download::{self, Problem};

use super::site::{Site, get, hosts};

#[test]
fn a_redirect_on_the_same_host_is_followed() -> Result<()> {
    for status in [301, 302, 303, 307, 308] {
        let site = Site::new()?;
        site.server.route("/a/b", [Answer::status(status).header("Location", "../c?d#e")]);
        site.server.route("/c?d", [Answer::redirect(&site.server.url("/f"))]);
        site.server.route("/f", [Answer::ok("here")]);
        assert_eq!(site.get("/a/b")?, b"here", "status {status}");
        assert_eq!(site.server.received().len(), 3);
    }
    Ok(())
}

#[test]
fn a_loop_ends() -> Result<()> {
    let site = Site::new()?;
    site.server.route("/", [Answer::redirect("/")]);
    let error = site.get("/").unwrap_err();
    assert!(
        matches!(&error.problem, Problem::Redirect(fault) if fault.starts_with("more than 5 redirects")),
        "{error}"
    );
    assert_eq!(error.reason().as_str(), "redirect");
    assert_eq!(site.server.count("/"), 6);
    // The client follows five redirects.
    let answers = (0..5).map(|_| Answer::redirect("/five")).chain([Answer::ok("here")]);
    site.server.route("/five", answers);
    assert_eq!(site.get("/five")?, b"here");
    Ok(())
}

#[test]
fn another_host_must_be_allowed() -> Result<()> {
    let site = Site::new()?;
    let other = Server::https(&site.trust.authority.issue(&["127.0.0.1"])?)?;
    other.route("/", [Answer::ok("there")]);
    let there: download::Url = other.url("/").replace("localhost", "127.0.0.1").parse()?;
    site.server.route("/", [Answer::redirect(there.as_str())]);

    let error = site.get("/").unwrap_err();
    assert!(matches!(error.problem, Problem::HostNotAllowed { .. }), "{error}");
    assert_eq!((error.reason().as_str(), &error.url), ("host_not_allowed", &there));
    assert!(other.received().is_empty(), "it was asked");

    let here = site.url("/");
    let answer = get(&site.trust.client()?, &here, &hosts(&[&here, &there]), None)?;
    assert!(matches!(answer, download::Answer::Body(body, _) if body == b"there"));
    Ok(())
}

#[test]
fn a_host_that_is_not_allowed_is_not_even_asked() -> Result<()> {
    let site = Site::new()?;
    let elsewhere = "https://mirror.example/".parse()?;
    let error = get(&site.trust.client()?, &site.url("/"), &hosts(&[&elsewhere]), None).unwrap_err();
    assert!(matches!(error.problem, Problem::HostNotAllowed { .. }), "{error}");
    assert!(site.server.received().is_empty());
    Ok(())
}

#[test]
fn tls_is_never_given_up() -> Result<()> {
    let site = Site::new()?;
    let plain = Server::http()?;
    plain.route("/", [Answer::ok("believe me")]);
    for location in [plain.url("/"), site.server.url("/x").replace("https:", "http:")] {
        site.server.route("/", [Answer::redirect(&location)]);
        let problem = site.problem("/");
        let expected = format!("a redirect to {location:?}: not https");
        assert!(matches!(&problem, Problem::Redirect(fault) if fault.starts_with(&expected)), "{problem}");
    }
    assert!(plain.received().is_empty(), "it was asked");
    Ok(())
}

#[test]
fn a_redirect_to_nowhere_is_told() -> Result<()> {
    let site = Site::new()?;
    site.server.route("/none", [Answer::status(302)]);
    let problem = site.problem("/none");
    let expected = "a redirect (status 302) that names no target";
    assert!(matches!(&problem, Problem::Redirect(fault) if fault == expected), "{problem}");
    for location in ["https://", "https://user@localhost/", "a b", "\u{e9}", "ftp://localhost/"] {
        site.server.route("/odd", [Answer::redirect(location)]);
        let problem = site.problem("/odd");
        let is_it = |fault: &str| fault.starts_with("a redirect to ");
        assert!(matches!(&problem, Problem::Redirect(fault) if is_it(fault)), "{location}: {problem}");
    }
    Ok(())
}

/// Storage behind a mirror puts a signature into the query of its URLs.
#[test]
fn where_a_redirect_leads_is_shown_without_its_query() -> Result<()> {
    let site = Site::new()?;
    for location in [
        "/x?sig=s3cret",
        "https://mirror.example/x?sig=s3cret",
        "http://localhost/x?sig=s3cret",
        "https://u:s3cret@localhost/",
    ] {
        site.server.route("/", [Answer::redirect(location)]);
        let error = site.get("/").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
    }
    assert_eq!(site.server.count("/x?sig=s3cret"), 1, "it is asked for whole");
    Ok(())
}
