//! Which proxy the environment names, by the rules that curl and its like follow.

use ureq::{Proxy, ProxyProtocol};

/// Where a proxy may be named, the first that is set counts. `HTTP_PROXY` is for what is not fetched here.
const VARIABLES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
/// Where hosts may be named that are asked directly.
const EXCEPTIONS: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// A proxy variable that names no proxy. Going around the proxy instead is not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// Not a URL of a proxy. What it is is not told: it may hold a password.
    #[error("{0} is not the URL of a proxy; write it like http://proxy.example:3128")]
    Syntax(&'static str),
    /// SOCKS.
    #[error("{0} names a SOCKS proxy; only proxies spoken to by http:// or https:// are supported")]
    Socks(&'static str),
}

/// The proxy that the variables name; one that is empty counts as not set.
pub(super) fn find(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Proxy>, ProxyError> {
    let first = |names: &[&'static str]| {
        names
            .iter()
            .find_map(|name| Some((*name, variable(name)?)).filter(|(_, value)| !value.trim().is_empty()))
    };
    let Some((name, url)) = first(&VARIABLES) else { return Ok(None) };
    let syntax = || ProxyError::Syntax(name);
    let proxy = Proxy::new(url.trim()).map_err(|_| syntax())?;
    if !matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) {
        return Err(ProxyError::Socks(name));
    }
    let mut builder = Proxy::builder(proxy.protocol()).host(proxy.host()).port(proxy.port());
    if let Some(username) = proxy.username() {
        builder = builder.username(username);
    }
    if let Some(password) = proxy.password() {
        builder = builder.password(password);
    }
    let exceptions = first(&EXCEPTIONS).map(|(_, hosts)| hosts).unwrap_or_default();
    for host in exceptions.split([',', ' ']).filter(|host| !host.is_empty()) {
        // A host stands for itself and for everything below it, with a leading dot or without.
        builder = builder.no_proxy(host);
        if let Some(domain) = host.strip_prefix("*.").or_else(|| host.strip_prefix('.')) {
            builder = builder.no_proxy(domain);
        } else if host != "*" {
            builder = builder.no_proxy(&format!(".{host}"));
        }
    }
    builder.build().map(Some).map_err(|_| syntax())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<Option<Proxy>, ProxyError> {
        find(|name| {
            variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_first_variable_that_is_set_counts() {
        assert_eq!(from(&[]), Ok(None));
        assert_eq!(from(&[("HTTP_PROXY", "http://other:1"), ("HTTPS_PROXY", " ")]), Ok(None));
        let named = [
            ("ALL_PROXY", "http://all:1"),
            ("https_proxy", ""),
            ("HTTPS_PROXY", "http://user:p%40ss@[::1]:3128"),
        ];
        let proxy = from(&named).unwrap().unwrap();
        assert_eq!((proxy.host(), proxy.port()), ("[::1]", 3128));
        assert_eq!((proxy.username(), proxy.password()), (Some("user"), Some("p@ss")));
        let proxy = from(&[("all_proxy", "proxy.example:3128")]).unwrap().unwrap();
        assert_eq!(
            (proxy.host(), proxy.port(), proxy.protocol()),
            ("proxy.example", 3128, ProxyProtocol::Http)
        );
    }

    #[test]
    fn what_names_no_proxy_is_an_error() {
        for url in ["http://", "ftp://proxy.example", "http://a b/", "http://u:%ff@a/"] {
            assert_eq!(from(&[("HTTPS_PROXY", url)]), Err(ProxyError::Syntax("HTTPS_PROXY")), "{url}");
        }
        let socks = from(&[("ALL_PROXY", "socks5://127.0.0.1:1080")]);
        assert_eq!(socks, Err(ProxyError::Socks("ALL_PROXY")));
    }

    #[test]
    fn exceptions_are_asked_directly() {
        let direct = |exceptions: &str, host: &str| {
            let proxy =
                from(&[("HTTPS_PROXY", "http://proxy:3128"), ("NO_PROXY", exceptions)]).unwrap().unwrap();
            proxy.is_no_proxy(&format!("https://{host}/").parse().unwrap())
        };
        assert!(!direct("", "a.example"));
        for exceptions in ["a.example", ".a.example", "*.a.example", "x, a.example ,y", "*", "A.Example"] {
            assert!(direct(exceptions, "a.example"), "{exceptions}");
            assert!(direct(exceptions, "b.a.example"), "{exceptions}");
        }
        assert!(!direct("a.example", "ba.example"));
        assert!(direct("127.0.0.1,localhost", "127.0.0.1:8443"));
        assert!(direct("[::1]", "[::1]:8443"));
    }
}
