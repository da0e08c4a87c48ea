//! The client trusts a server only if a trusted authority signed its certificate, for its name and for the
//! present time.

use std::net::{SocketAddr, TcpListener};

use anyhow::{Context as _, Result};
use d365_tests::https::{Answer, Authority, Server};
use d365_user::source::download::{Client, Options, OptionsError, Problem, Roots, Url};
use socket2::{Domain, Socket, Type};

use super::site::{Site, Trust, body};

const UNTRUSTED: &str = "no authority that this host trusts has signed it";

#[track_caller]
fn refused(site: &Site, words: &str) {
    site.server.route("/", [Answer::ok("secret")]);
    let error = site.get("/").expect_err("it was believed");
    assert!(matches!(&error.problem, Problem::Certificate(found) if found.contains(words)), "{error}");
    assert_eq!(error.reason().as_str(), "tls");
    assert!(site.server.received().is_empty(), "it was spoken to");
    assert!(!error.to_string().contains("Other"), "{error}");
}

#[test]
fn a_server_that_is_vouched_for_is_believed() -> Result<()> {
    let site = Site::new()?;
    site.server.route("/", [Answer::ok("a document")]);
    assert_eq!(site.get("/")?, b"a document");
    let by_address: Url = site.server.url("/").replace("localhost", "127.0.0.1").parse()?;
    assert_eq!(body(&site.trust.client()?, &by_address)?, b"a document");
    Ok(())
}

#[test]
fn an_unknown_authority_is_not_believed() -> Result<()> {
    let site = Site::with(|_| Authority::new()?.issue(&["localhost"]))?;
    refused(&site, UNTRUSTED);
    // An authority with the name of a trusted one is not trusted either.
    let known = Trust::of(Authority::named("known")?)?;
    let server = Server::https(&Authority::named("known")?.issue(&["localhost"])?)?;
    refused(&Site { trust: known, server }, UNTRUSTED);
    Ok(())
}

#[test]
fn another_hosts_certificate_is_not_believed() -> Result<()> {
    let site = Site::with(|authority| authority.issue(&["download.microsoft.com"]))?;
    refused(&site, "it is not for the name of this host; it is for download.microsoft.com; ");
    Ok(())
}

#[test]
fn an_expired_certificate_is_not_believed() -> Result<()> {
    let site = Site::with(|authority| authority.issue_expired(&["localhost"]))?;
    refused(&site, "it expired (2020-01-01T00:00:00Z); have it renewed");
    Ok(())
}

#[test]
fn certificates_of_unfit_kinds_are_told_in_words() -> Result<()> {
    let site = Site::with(Authority::issue_version_1)?;
    refused(&site, "of version 1");
    let site = Site::with(Authority::as_a_server)?;
    refused(&site, "an authority's own certificate (CA:TRUE)");
    Ok(())
}

#[test]
fn a_server_without_tls_is_none() -> Result<()> {
    let trust = Trust::new()?;
    let plain = Server::http()?;
    let url = plain.url("/").replace("http://", "https://").parse()?;
    let error = body(&trust.client()?, &url).unwrap_err();
    assert!(matches!(error.problem, Problem::Tls(_)), "{error}");
    assert!(error.to_string().contains("not TLS, but plain HTTP perhaps"), "{error}");
    Ok(())
}

#[test]
fn a_server_that_hangs_up_is_none() -> Result<()> {
    let trust = Trust::new()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url: Url = format!("https://localhost:{}/", listener.local_addr()?.port()).parse()?;
    let hang_up = std::thread::spawn(move || drop(listener.accept()));
    let error = body(&trust.client()?, &url).unwrap_err();
    hang_up.join().unwrap();
    assert!(matches!(error.problem, Problem::Reset(_)), "{error}");
    Ok(())
}

#[test]
fn a_port_where_nobody_listens() -> Result<()> {
    // The socket is bound, so that no other process can take the port.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    let port = socket.local_addr()?.as_socket().context("an address")?.port();
    let url = format!("https://127.0.0.1:{port}/").parse()?;
    let error = body(&Trust::new()?.client()?, &url).unwrap_err();
    assert!(matches!(error.problem, Problem::Connect(_)), "{error}");
    assert_eq!(error.reason().as_str(), "connect");
    Ok(())
}

#[test]
fn a_name_without_an_address_is_told() -> Result<()> {
    // A label of this length is invalid, so no name server is asked.
    let url: Url = format!("https://{}/", "x".repeat(64)).parse()?;
    let error = body(&Trust::new()?.client()?, &url).unwrap_err();
    assert!(matches!(error.problem, Problem::Dns { .. }), "{error}");
    assert_eq!(error.reason().as_str(), "dns");
    Ok(())
}

#[test]
fn without_anybody_to_trust_there_is_no_client() {
    for file in ["/nonexistent", "/dev/null"] {
        let options = Options { roots: Roots::File(file.into()), ..Options::default() };
        let error = Client::new(&options).unwrap_err();
        assert!(matches!(error, OptionsError::NoRoots(_)), "{error}");
    }
}
