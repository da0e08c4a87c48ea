//! The client trusts a server only if a trusted authority signed its certificate, for its name and for the
//! present time.

use std::net::TcpListener;

use anyhow::Result;
use d365_tests::https::{Answer, Authority, Identity, Server};
use d365_user::source::download::{Client, DownloadError, Options, OptionsError, Problem, Roots, Url};

use super::site::{Site, Trust, body, unused_port};

#[test]
fn a_server_with_a_certificate_of_a_trusted_authority_is_accepted() -> Result<()> {
    let site = Site::new()?;
    site.server.route("/", [Answer::ok("a document")]);
    assert_eq!(site.get("/")?, b"a document");
    let by_address: Url = site.server.url("/").replace("localhost", "127.0.0.1").parse()?;
    assert_eq!(body(&site.trust.client()?, &by_address)?, b"a document");
    Ok(())
}

#[test]
fn a_server_whose_certificate_is_not_accepted_gets_no_request() -> Result<()> {
    type Issue = fn(&Authority) -> Result<Identity>;
    const UNTRUSTED: &str = "no authority that this host trusts has signed it";
    let cases: [(Issue, &str); 5] = [
        (|_| Authority::new()?.issue(&["localhost"]), UNTRUSTED),
        (
            |authority| authority.issue(&["download.microsoft.com"]),
            "it is not for the name of this host; it is for download.microsoft.com; ",
        ),
        (
            |authority| authority.issue_between([2019, 2020], &["localhost"]),
            "it expired (2020-01-01T00:00:00Z); have it renewed",
        ),
        (Authority::issue_version_1, "of version 1"),
        (Authority::as_a_server, "an authority's own certificate (CA:TRUE)"),
    ];
    let mut sites = Vec::new();
    for (issue, text) in cases {
        sites.push((Site::with(issue)?, text));
    }
    // An authority with the name of a trusted one is not trusted either.
    let trust = Trust::of(Authority::named("known")?)?;
    let server = Server::https(&Authority::named("known")?.issue(&["localhost"])?)?;
    sites.push((Site { trust, server }, UNTRUSTED));
    for (site, text) in sites {
        site.server.route("/", [Answer::ok("secret")]);
        let error = site.get("/").expect_err("the certificate was accepted");
        assert!(matches!(&error.problem, Problem::Certificate(found) if found.contains(text)), "{error}");
        assert_eq!(error.reason().as_str(), "tls");
        assert!(!error.to_string().contains("Other"), "{error}");
        assert!(site.server.received().is_empty(), "a request was sent");
    }
    Ok(())
}

#[test]
fn each_failed_connection_is_reported() -> Result<()> {
    let client = Trust::new()?.client()?;
    let get = |url: String| -> DownloadError { body(&client, &url.parse().unwrap()).unwrap_err() };
    let error = get(Server::http()?.url("/").replace("http://", "https://"));
    assert!(matches!(error.problem, Problem::Tls(_)), "{error}");
    assert!(error.to_string().contains("not TLS, but plain HTTP perhaps"), "{error}");

    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("https://localhost:{}/", listener.local_addr()?.port());
    let hang_up = std::thread::spawn(move || drop(listener.accept()));
    let error = get(url);
    hang_up.join().unwrap();
    assert!(matches!(error.problem, Problem::Reset(_)), "{error}");

    let (_socket, address) = unused_port()?;
    let error = get(format!("https://{address}/"));
    assert!(matches!(error.problem, Problem::Connect(_)), "{error}");
    assert_eq!(error.reason().as_str(), "connect");

    // A label of this length is invalid, so no name server is asked.
    let error = get(format!("https://{}/", "x".repeat(64)));
    assert!(matches!(error.problem, Problem::Dns { .. }), "{error}");
    assert_eq!(error.reason().as_str(), "dns");
    Ok(())
}

#[test]
fn without_a_trusted_authority_there_is_no_client() {
    for file in ["/nonexistent", "/dev/null"] {
        let options = Options { roots: Roots::File(file.into()), ..Options::default() };
        let error = Client::new(&options).unwrap_err();
        assert!(matches!(error, OptionsError::NoRoots(_)), "{error}");
    }
}
