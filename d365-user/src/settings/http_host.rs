//! A host by which HTTP requests may name this server.

use std::{fmt, net::IpAddr, str::FromStr};

/// A host as a URL names it, without a port: a name in lower case and without a dot at its end, or an
/// address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HttpHost {
    /// A name.
    Name(String),
    /// An address; an IPv4-mapped one becomes the IPv4 address.
    Address(IpAddr),
}

impl FromStr for HttpHost {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Self::Address(address.to_canonical()));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        // The characters of a host name (RFC 1123), and the underscore, which some names have.
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        if name.is_empty() || !name.bytes().all(is_name) {
            return Err("expected a host name or an address, without a port");
        }
        Ok(Self::Name(name))
    }
}

impl fmt::Display for HttpHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::HttpHost;

    #[test]
    fn a_flag_takes_names_and_addresses_without_ports() {
        for (text, shown) in
            [("MX1.Example.", "mx1.example"), ("[::1]", "::1"), ("2001:db8::1", "2001:db8::1")]
        {
            assert_eq!(text.parse::<HttpHost>().unwrap().to_string(), shown);
        }
        for text in ["", ".", "a:1", "http://a", "a/b", "a b", "[a]", "*.example"] {
            assert!(text.parse::<HttpHost>().is_err(), "{text}");
        }
    }
}
