//! Decides which requests are meant for this server (RFC 9110, section 7.4). In an attack by DNS rebinding,
//! the name of a foreign page resolves to loopback. The browser of a user of this host then asks for the
//! metrics, with the foreign name as `Host`.

use std::{collections::BTreeSet, fmt};

use axum::http::{HeaderMap, StatusCode, Uri, Version, header::HOST};

use crate::settings::{HttpHost, Listen};

/// The hosts that this server answers for.
#[derive(Clone, Debug)]
pub struct Hosts {
    /// `None` means any host.
    allowed: Option<BTreeSet<HttpHost>>,
}

/// The reason for which a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It names no host, more than one, or an invalid one (RFC 9112, section 3.2).
    Invalid(&'static str),
    /// It is meant for another server.
    Misdirected,
}

impl Refused {
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(reason) => f.write_str(reason),
            Self::Misdirected => f.write_str(
                "this server answers for localhost, loopback addresses, the address of --listen, and the hosts of \
                 --allow-http-host",
            ),
        }
    }
}

impl Hosts {
    /// On a loopback address the server answers for `localhost`, loopback addresses, its own addresses, and
    /// `further`. On other addresses and on Unix sockets a client may use any name, unless `further` has one
    /// or another socket is on a loopback address: then the same rule holds there.
    #[must_use]
    pub fn new(listen: &[Listen], further: &[HttpHost]) -> Self {
        let own = listen.iter().filter_map(|listen| match listen {
            Listen::Tcp(address) => Some(address.ip().to_canonical()),
            Listen::Unix(_) => None,
        });
        let is_loopback = own.clone().any(|own| own.is_loopback());
        let allowed = (is_loopback || !further.is_empty()).then(|| {
            let own = own.map(HttpHost::Address).chain([HttpHost::Name("localhost".to_owned())]);
            own.chain(further.iter().cloned()).collect()
        });
        Self { allowed }
    }

    /// Checks a request by its target and its head. A target with a host has priority over the field (RFC
    /// 9112, section 3.2.2).
    pub(super) fn check(&self, version: Version, uri: &Uri, headers: &HeaderMap) -> Result<(), Refused> {
        let mut fields = headers.get_all(HOST).iter();
        let field = match (fields.next(), fields.next()) {
            (_, Some(_)) => return Err(Refused::Invalid("more than one Host")),
            (None, None) if version >= Version::HTTP_11 => return Err(Refused::Invalid("no Host")),
            (None, None) => None,
            (Some(field), None) => Some(host(field.as_bytes())?),
        };
        let host = match uri.authority() {
            Some(authority) => Some(host(authority.as_str().as_bytes())?),
            // HTTP/1.0 may name no host, and no browser uses it.
            None => field,
        };
        match (&self.allowed, host) {
            (None, _) | (_, None) => Ok(()),
            (Some(allowed), Some(host)) if is_allowed(allowed, &host) => Ok(()),
            _ => Err(Refused::Misdirected),
        }
    }
}

fn is_allowed(allowed: &BTreeSet<HttpHost>, host: &HttpHost) -> bool {
    matches!(host, HttpHost::Address(address) if address.is_loopback()) || allowed.contains(host)
}

/// The host in a field's value, `uri-host [":" port]`. The port does not matter: it may be that of a tunnel.
fn host(value: &[u8]) -> Result<HttpHost, Refused> {
    let invalid = Refused::Invalid("Host is not that of a URL");
    let Ok(text) = str::from_utf8(value) else { return Err(invalid) };
    let end = match text.strip_prefix('[') {
        Some(rest) => rest.find(']').map_or(0, |at| at + 2),
        None => text.find(':').unwrap_or(text.len()),
    };
    let (host, port) = text.split_at(end);
    let is_port = port.strip_prefix(':').unwrap_or(port).bytes().all(|byte| byte.is_ascii_digit());
    match host.parse() {
        Ok(host) if is_port && (port.is_empty() || port.starts_with(':')) => Ok(host),
        _ => Err(invalid),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn hosts(listen: &str, further: &[&str]) -> Hosts {
        let further: Vec<_> = further.iter().map(|host| host.parse().unwrap()).collect();
        Hosts::new(&[listen.parse().unwrap()], &further)
    }

    fn check(hosts: &Hosts, version: Version, target: &str, fields: &[&str]) -> u16 {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(HOST, HeaderValue::from_bytes(field.as_bytes()).unwrap());
        }
        hosts
            .check(version, &target.parse().unwrap(), &headers)
            .map_or_else(|refused| refused.status().as_u16(), |()| 200)
    }

    fn by_field(hosts: &Hosts, field: &str) -> u16 {
        check(hosts, Version::HTTP_11, "/metrics", &[field])
    }

    #[test]
    fn on_loopback_only_what_cannot_be_a_strangers_name() {
        let hosts = hosts("127.0.0.1:9365", &["mx1.example", "192.0.2.7"]);
        for field in [
            "localhost",
            "localhost:9365",
            "LOCALHOST:1",
            "localhost.",
            "localhost:",
            "127.0.0.1:9365",
            "127.0.0.1",
            "127.8.8.8:80",
            "[::1]:9365",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]:9365",
            "mx1.example",
            "MX1.example.:9365",
            "192.0.2.7:9365",
        ] {
            assert_eq!(by_field(&hosts, field), 200, "{field}");
        }
        for field in [
            "evil.example",
            "evil.example:9365",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "xlocalhost",
            "sub.localhost",
            "a.mx1.example",
            "0.0.0.0:9365",
            "[::]:9365",
            "192.0.2.1",
            "[2001:db8::1]:9365",
            "127.1",
            "2130706433",
            "0x7f.0.0.1",
        ] {
            assert_eq!(by_field(&hosts, field), 421, "{field}");
        }
    }

    #[test]
    fn what_is_no_host_is_a_bad_request() {
        for hosts in [hosts("127.0.0.1:9365", &[]), hosts("0.0.0.0:9365", &[])] {
            for field in [
                "",
                " ",
                "localhost/",
                "http://localhost",
                "user@localhost",
                "localhost@evil.example",
                "::1",
                "[::1",
                "::1]",
                "local host",
                "localhost,evil.example",
                "localhost:port",
                "localhost:1:2",
                "[evil.example]",
                "ünï.example",
                "localhost?",
                "localhost#",
                "*",
                "localhost%00",
            ] {
                assert_eq!(by_field(&hosts, field), 400, "{field}");
            }
            assert_eq!(check(&hosts, Version::HTTP_11, "/", &[]), 400);
            assert_eq!(check(&hosts, Version::HTTP_10, "/", &[]), 200);
            assert_eq!(check(&hosts, Version::HTTP_11, "/", &["localhost", "localhost"]), 400);
            assert_eq!(check(&hosts, Version::HTTP_10, "/", &["localhost", "evil.example"]), 400);
        }
    }

    #[test]
    fn the_target_beats_the_field() {
        let hosts = hosts("[::1]:9365", &[]);
        let target = |target| check(&hosts, Version::HTTP_11, target, &["localhost"]);
        assert_eq!(target("http://localhost:9365/metrics"), 200);
        assert_eq!(target("http://evil.example/metrics"), 421);
        assert_eq!(target("https://localhost/metrics"), 200);
        assert_eq!(target("https://evil.example/metrics"), 421);
        assert_eq!(target("http://user@localhost/metrics"), 400);
        assert_eq!(target("evil.example:9365"), 421, "the form of CONNECT");
        let evil = check(&hosts, Version::HTTP_11, "http://localhost/", &["evil.example"]);
        assert_eq!(evil, 200, "the field is ignored");
        assert_eq!(check(&hosts, Version::HTTP_11, "http://localhost/", &[]), 400);
        assert_eq!(check(&hosts, Version::HTTP_10, "/", &["evil.example"]), 421);
    }

    #[test]
    fn elsewhere_any_name_unless_some_are_given() {
        for listen in ["0.0.0.0:9365", "[::]:9365", "192.0.2.7:9365", "unix:/run/d365.sock"] {
            assert_eq!(by_field(&hosts(listen, &[]), "whatever.example"), 200, "{listen}");
            let some = hosts(listen, &["mx1.example"]);
            assert_eq!(by_field(&some, "whatever.example"), 421, "{listen}");
            for field in ["mx1.example", "localhost", "127.0.0.1"] {
                assert_eq!(by_field(&some, field), 200, "{listen} {field}");
            }
        }
        assert_eq!(by_field(&hosts("192.0.2.7:9365", &["a"]), "192.0.2.7:9365"), 200);
        assert_eq!(by_field(&hosts("[::ffff:127.0.0.1]:9365", &[]), "evil.example"), 421);
        let both = ["127.0.0.1:9365", "192.0.2.7:9365"].map(|listen| listen.parse().unwrap());
        let both = Hosts::new(&both, &[]);
        assert_eq!(["evil.example", "192.0.2.7"].map(|field| by_field(&both, field)), [421, 200]);
    }
}
