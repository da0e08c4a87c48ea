//! A server, the certificate authority that a client must trust to connect to it, and such a client.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result};
use d365_tests::{
    https::{Authority, Identity, Server},
    temp::TempFile,
};
use d365_user::source::download::{
    Client, Document, DownloadError, Hosts, Limits, Options, Problem, Roots, Target, Url, fetch,
};
use socket2::{Domain, Socket, Type};

/// Limit for bodies, in bytes.
pub(super) const LIMIT: u64 = 1 << 20;

/// A certificate authority, and a file with its certificate.
pub(super) struct Trust {
    pub(super) authority: Authority,
    pub(super) file: TempFile,
}

impl Trust {
    pub(super) fn new() -> Result<Self> {
        Self::of(Authority::new()?)
    }

    pub(super) fn of(authority: Authority) -> Result<Self> {
        let file = TempFile::reserve("authority");
        authority.write(file.path())?;
        Ok(Self { authority, file })
    }

    /// Options of a client that trusts only this authority.
    pub(super) fn options(&self) -> Options {
        Options { roots: Roots::File(self.file.path().into()), ..Options::default() }
    }

    pub(super) fn client(&self) -> Result<Client> {
        Ok(Client::new(&self.options())?)
    }
}

/// A server at `localhost`, and the authority that signed its certificate.
pub(super) struct Site {
    pub(super) trust: Trust,
    pub(super) server: Server,
}

impl Site {
    pub(super) fn new() -> Result<Self> {
        Self::with(|authority| authority.issue(&["localhost", "127.0.0.1"]))
    }

    pub(super) fn with(issue: impl FnOnce(&Authority) -> Result<Identity>) -> Result<Self> {
        let trust = Trust::new()?;
        let server = Server::https(&issue(&trust.authority)?)?;
        Ok(Self { trust, server })
    }

    pub(super) fn url(&self, path: &str) -> Url {
        self.server.url(path).parse().expect("a URL")
    }

    /// Fetches a path from this server. No other host is allowed.
    pub(super) fn get(&self, path: &str) -> Result<Vec<u8>, DownloadError> {
        body(&self.trust.client().expect("a client"), &self.url(path))
    }

    /// The reason for which a path cannot be fetched.
    pub(super) fn problem(&self, path: &str) -> Problem {
        self.get(path).expect_err("it was fetched").problem
    }

    /// The error for a path that cannot be fetched within these limits.
    pub(super) fn error_within(&self, limits: Limits, path: &str) -> DownloadError {
        let client = Client::new(&Options { limits, ..self.trust.options() }).expect("a client");
        body(&client, &self.url(path)).expect_err("it was fetched")
    }
}

pub(super) fn hosts(urls: &[&Url]) -> Hosts {
    urls.iter().map(|url| url.host().clone()).collect()
}

/// Fetches a URL. Only the URL's own host is allowed.
pub(super) fn body(client: &Client, url: &Url) -> Result<Vec<u8>, DownloadError> {
    let found = client.get(url, &hosts(&[url]), LIMIT, None)?;
    Ok(found.expect("that was not asked").0)
}

/// Time limits that a test never reaches. A test shortens the one that it is about.
pub(super) fn patient() -> Limits {
    let long = Duration::from_secs(60);
    Limits { connect: long, response: long, stall: long, whole: long }
}

/// Fetches the document of a target, without a stamp of an earlier download.
pub(super) fn document(client: &Client, target: &Target) -> Result<Document, DownloadError> {
    Ok(fetch(client, target, None)?.expect("that was not asked"))
}

/// A port on which no program listens. The socket is bound, so that no other process can take the port.
pub(super) fn unused_port() -> Result<(Socket, SocketAddr)> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    let address = socket.local_addr()?.as_socket().context("an address")?;
    Ok((socket, address))
}
