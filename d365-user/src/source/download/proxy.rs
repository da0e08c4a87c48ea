//! The proxy that the environment names, by the rules of curl and similar programs.

use ureq::{Proxy, ProxyProtocol};

use super::OptionsError;

/// Variables that may name a proxy. The first one that is set counts. `HTTP_PROXY` is for URLs that are not
/// fetched here.
const VARIABLES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
/// Variables that may name hosts to contact directly.
const EXCEPTIONS: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// Returns the proxy that the variables name, and the value that names the hosts to contact without it. An
/// empty variable counts as not set.
pub(super) fn find(
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<(Proxy, String)>, OptionsError> {
    let first = |names: &[&'static str]| {
        names
            .iter()
            .find_map(|name| Some((*name, variable(name)?)).filter(|(_, value)| !value.trim().is_empty()))
    };
    let Some((name, url)) = first(&VARIABLES) else { return Ok(None) };
    let syntax = || OptionsError::Proxy(name);
    let proxy = Proxy::new(url.trim()).map_err(|_| syntax())?;
    if !matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) {
        return Err(OptionsError::Socks(name));
    }
    let exceptions = first(&EXCEPTIONS).map(|(_, value)| value);
    Ok(Some((proxy, exceptions.unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use super::{super::no_proxy, *};

    fn both(variables: &[(&str, &str)]) -> Result<Option<(Proxy, String)>, OptionsError> {
        find(|name| {
            variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn from(variables: &[(&str, &str)]) -> Result<Option<Proxy>, OptionsError> {
        both(variables).map(|found| found.map(|(proxy, _)| proxy))
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
            assert_eq!(from(&[("HTTPS_PROXY", url)]), Err(OptionsError::Proxy("HTTPS_PROXY")), "{url}");
        }
        let socks = from(&[("ALL_PROXY", "socks5://127.0.0.1:1080")]);
        assert_eq!(socks, Err(OptionsError::Socks("ALL_PROXY")));
    }

    #[test]
    fn exceptions_are_those_of_the_first_variable_that_is_set() {
        let direct = |variables: &[(&str, &str)], host: &str| {
            let all = [&[("HTTPS_PROXY", "http://proxy:3128")], variables].concat();
            no_proxy::holds(&both(&all).unwrap().unwrap().1, &host.parse().unwrap())
        };
        assert!(!direct(&[], "a.example"));
        assert!(direct(&[("NO_PROXY", "a.example,10.0.0.0/8")], "a.example"));
        assert!(direct(&[("no_proxy", " "), ("NO_PROXY", "a.example")], "a.example"));
        assert!(!direct(&[("no_proxy", "b.example"), ("NO_PROXY", "a.example")], "a.example"));
    }
}
