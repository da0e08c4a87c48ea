//! The vendor's own pages through a proxy, and the failures of a proxy.

use anyhow::Result;
use d365_tests::https::{Answer, Authority, Proxy, Server};
use d365_user::source::{
    Cloud,
    download::{Client, Options, Problem, Target, Url},
};

use super::site::{Trust, document, unused_port};

/// The vendor's hosts, through a proxy that leads every connection to a server of the test.
struct Vendor {
    trust: Trust,
    server: Server,
    proxy: Proxy,
}

impl Vendor {
    fn new() -> Result<Self> {
        let trust = Trust::new()?;
        let server =
            Server::https(&trust.authority.issue(&["www.microsoft.com", "download.microsoft.com"])?)?;
        let proxy = Proxy::to(server.address())?;
        Ok(Self { trust, server, proxy })
    }

    fn client(&self) -> Result<Client> {
        let variable = |name: &str| (name == "HTTPS_PROXY").then(|| self.proxy.url());
        let options = Options { roots: self.trust.options().roots, ..Options::from_variables(variable)? };
        Ok(Client::new(&options)?)
    }
}

#[test]
fn the_vendors_own_pages_are_asked() -> Result<()> {
    for (cloud, id, name) in [
        (Cloud::Public, 56519, "Public"),
        (Cloud::Government, 57063, "AzureGovernment"),
        (Cloud::China, 57062, "China"),
    ] {
        let vendor = Vendor::new()?;
        let details = format!("/en-us/download/details.aspx?id={id}");
        let path = format!("/download/6/c/d/6cd6/ServiceTags_{name}_20260803.json");
        let link = format!("<a href=\"https://download.microsoft.com{path}\">");
        vendor.server.route(&details, [Answer::ok(&link)]);
        vendor.server.route(&path, [Answer::ok(name)]);
        let target = Target::current(cloud, None, &[])?;
        assert_eq!(document(&vendor.client()?, &target)?.bytes, name.as_bytes());
        assert_eq!(vendor.proxy.asked(), ["www.microsoft.com:443", "download.microsoft.com:443"]);

        // Without a link on that page, the client asks the page behind its button.
        vendor.server.route(&details, [Answer::ok("<html>")]);
        vendor.server.route(&details.replace("details", "confirmation"), [Answer::ok(&link)]);
        assert_eq!(document(&vendor.client()?, &target)?.bytes, name.as_bytes());
    }
    Ok(())
}

/// The error's problem is the first page's failure. The text adds the second page's failure.
#[test]
fn the_failures_of_both_pages_are_reported() -> Result<()> {
    let vendor = Vendor::new()?;
    let details = "/en-us/download/details.aspx?id=56519";
    vendor.server.route(details, [Answer::status(403)]);
    let target = Target::current(Cloud::Public, None, &[])?;
    let error = document(&vendor.client()?, &target).unwrap_err();
    assert!(matches!(error.problem, Problem::Status(403)), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("https://www.microsoft.com/en-us/download/details.aspx: "), "{text}");
    assert!(
        text.contains("status 403") && text.contains("confirmation.aspx: ") && text.contains("404"),
        "{text}"
    );
    Ok(())
}

/// The problem and the error text of a document that is fetched through this proxy.
fn by_proxy(proxy: &str) -> Result<(Problem, String)> {
    let trust = Trust::new()?;
    let options = Options::from_variables(|name| (name == "https_proxy").then(|| proxy.to_owned()))?;
    let client = Client::new(&Options { roots: trust.options().roots, ..options })?;
    let url: Url = "https://mirror.example/x".parse()?;
    let error = document(&client, &Target::document(url, &[])).expect_err("no such proxy gives a document");
    let text = error.to_string();
    assert!(!format!("{text} {error:?}").contains("s3cret"), "{error:?}");
    Ok((error.problem, text))
}

#[test]
fn a_proxy_that_refuses_is_told() -> Result<()> {
    for (status, words) in
        [(403, "refuses the connection (status 403)"), (407, "asks for a user and a password")]
    {
        let proxy = Proxy::refusing(status)?;
        let (problem, text) = by_proxy(&proxy.url().replace("://", "://user:s3cret@"))?;
        assert!(matches!(problem, Problem::Proxy(_)), "{text}");
        assert!(text.contains(words) && text.contains(&proxy.url()["http://".len()..]), "{text}");
        assert_eq!(proxy.asked(), ["mirror.example:443"]);
    }
    Ok(())
}

#[test]
fn a_proxy_that_is_not_there_is_named() -> Result<()> {
    let (_socket, address) = unused_port()?;
    let (problem, text) = by_proxy(&format!("http://user:s3cret@{address}"))?;
    assert!(matches!(problem, Problem::Proxy(_)), "{text}");
    assert!(text.contains(&format!("cannot connect to the proxy {address}")), "{text}");
    let (problem, text) = by_proxy(&format!("http://user:s3cret@{}:3128", "x".repeat(64)))?;
    assert!(matches!(problem, Problem::Dns { .. }), "{text}");
    Ok(())
}

#[test]
fn a_proxy_does_not_vouch_for_anybody() -> Result<()> {
    let impostor = Server::https(&Authority::new()?.issue(&["mirror.example"])?)?;
    let (problem, text) = by_proxy(&Proxy::to(impostor.address())?.url())?;
    let Problem::Certificate(fault) = problem else { panic!("{text}") };
    assert!(fault.starts_with("no authority that this host trusts has signed it"), "{fault}");
    Ok(())
}
