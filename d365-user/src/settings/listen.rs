//! An address of the HTTP server.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Address and port; port 0 lets the kernel choose.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// The longest path of a Unix socket in bytes (unix(7)).
const LONGEST_PATH: usize = 107;

impl Listen {
    /// Returns true if only this host can connect.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl FromStr for Listen {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') && path.len() <= LONGEST_PATH => Ok(Self::Unix(path.into())),
            Some(_) => Err("expected unix:PATH with an absolute path of at most 107 bytes"),
            None => text.parse().map(Self::Tcp).map_err(|_| {
                "expected ADDR:PORT with a numeric address, as 127.0.0.1:9365 or [::1]:9365, or unix:PATH"
            }),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Listen;

    #[test]
    fn an_address_or_an_absolute_path() {
        for (text, is_local) in [
            ("127.0.0.1:9365", true),
            ("[::1]:0", true),
            ("[::ffff:127.0.0.1]:9365", true),
            ("0.0.0.0:9365", false),
            ("[2001:db8::1]:9365", false),
            ("unix:/run/d365/metrics.sock", true),
        ] {
            let listen: Listen = text.parse().unwrap();
            assert_eq!((listen.to_string().as_str(), listen.is_local()), (text, is_local));
        }
        let long = format!("unix:/{}", "x".repeat(107));
        for text in ["", "9365", "localhost:9365", "unix:", "unix:metrics.sock", "/run/x", &long] {
            assert!(text.parse::<Listen>().is_err(), "{text}");
        }
    }
}
