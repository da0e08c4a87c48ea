//! The vendor's own pages, as a proxy shows them; and what a proxy may do.

use anyhow::Result;
use d365_tests::https::{Answer, Authority, Proxy, Server};
use d365_user::source::{
    Cloud,
    download::{CertificateFault, Client, Options, Problem, Target, Url},
};

use super::site::{Trust, document};

/// The vendor's hosts, as they are known to a proxy that leads to a server here.
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

        // Without a link there, the page behind its button is asked.
        vendor.server.route(&details, [Answer::ok("<html>")]);
        vendor.server.route(&details.replace("details", "confirmation"), [Answer::ok(&link)]);
        assert_eq!(document(&vendor.client()?, &target)?.bytes, name.as_bytes());
    }
    Ok(())
}

#[test]
fn a_proxy_that_refuses_is_told() -> Result<()> {
    let proxy = Proxy::refusing()?;
    let authority = Trust::new()?;
    let options = Options::from_variables(|name| (name == "https_proxy").then(|| proxy.url()))?;
    let client = Client::new(&Options { roots: authority.options().roots, ..options })?;
    let url: Url = "https://mirror.example/x".parse()?;
    let error = document(&client, &Target::document(url, &[])).unwrap_err();
    assert!(matches!(error.problem, Problem::Proxy(_)), "{error}");
    assert_eq!(proxy.asked(), ["mirror.example:443"]);
    Ok(())
}

#[test]
fn a_proxys_password_is_not_told() -> Result<()> {
    let proxy = format!("http://user:secret@{}:3128", "x".repeat(64));
    let trust = Trust::new()?;
    let options = Options::from_variables(|name| (name == "https_proxy").then(|| proxy.clone()))?;
    let client = Client::new(&Options { roots: trust.options().roots, ..options })?;
    let error = document(&client, &Target::document("https://mirror.example/x".parse()?, &[])).unwrap_err();
    assert!(matches!(error.problem, Problem::Dns { .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    Ok(())
}

#[test]
fn a_proxy_does_not_vouch_for_anybody() -> Result<()> {
    let vendor = Vendor::new()?;
    let impostor = Server::https(&Authority::new()?.issue(&["download.microsoft.com"])?)?;
    let proxy = Proxy::to(impostor.address())?;
    let options = Options::from_variables(|name| (name == "ALL_PROXY").then(|| proxy.url()))?;
    let client = Client::new(&Options { roots: vendor.trust.options().roots, ..options })?;
    let url: Url = "https://download.microsoft.com/x".parse()?;
    let error = document(&client, &Target::document(url, &[])).unwrap_err();
    let Problem::Certificate(fault) = error.problem else { panic!("{error}") };
    assert_eq!(fault, CertificateFault::Untrusted);
    Ok(())
}
