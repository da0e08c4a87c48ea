//! The client follows a redirect only to an allowed host and by HTTPS, and only a limited number of times.

use anyhow::Result;
use d365_tests::https::{Answer, Server};
use d365_user::source::download::{Problem, Url};

use super::site::{LIMIT, Site, hosts};

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
    let there: Url = other.url("/").replace("localhost", "127.0.0.1").parse()?;
    site.server.route("/", [Answer::redirect(there.as_str())]);

    let error = site.get("/").unwrap_err();
    assert!(matches!(error.problem, Problem::HostNotAllowed { .. }), "{error}");
    assert_eq!((error.reason().as_str(), &error.url), ("host_not_allowed", &there));
    assert!(other.received().is_empty(), "it was asked");

    let (client, here) = (site.trust.client()?, site.url("/"));
    let answer = client.get(&here, &hosts(&[&here, &there]), LIMIT, None)?;
    assert!(answer.is_some_and(|(body, _)| body == b"there"));

    let received = site.server.received().len();
    let error = client.get(&here, &hosts(&[&"https://mirror.example/".parse()?]), LIMIT, None).unwrap_err();
    assert!(matches!(error.problem, Problem::HostNotAllowed { .. }), "{error}");
    assert_eq!(site.server.received().len(), received, "it was asked");
    Ok(())
}

#[test]
fn a_redirect_without_tls_or_to_nowhere_is_rejected_and_its_secrets_are_not_shown() -> Result<()> {
    let site = Site::new()?;
    let plain = Server::http()?;
    plain.route("/", [Answer::ok("believe me")]);
    let problem = |answer| {
        site.server.route("/", [answer]);
        site.problem("/")
    };
    for location in [plain.url("/"), site.server.url("/x").replace("https:", "http:")] {
        let problem = problem(Answer::redirect(&location));
        let expected = format!("a redirect to {location:?}: not https");
        assert!(matches!(&problem, Problem::Redirect(fault) if fault.starts_with(&expected)), "{problem}");
    }
    assert!(plain.received().is_empty(), "it was asked");
    let none = problem(Answer::status(302));
    let expected = "a redirect (status 302) that names no target";
    assert!(matches!(&none, Problem::Redirect(fault) if fault == expected), "{none}");
    let secret = ["http://localhost/x?sig=s3cret", "https://u:s3cret@localhost/"];
    for location in ["https://", "a b", "\u{e9}", "ftp://localhost/"].into_iter().chain(secret) {
        let odd = problem(Answer::redirect(location));
        let is_it = |fault: &str| fault.starts_with("a redirect to ");
        assert!(matches!(&odd, Problem::Redirect(fault) if is_it(fault)), "{location}: {odd}");
        assert!(!format!("{odd} {odd:?}").contains("s3cret"), "{odd:?}");
    }
    Ok(())
}
