//! A GET over a connection of its own, as a scrape sends it: without redirects, proxies and fields that a
//! test did not ask for.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result};
use ureq::{Agent, config::AutoHeaderValue, http::HeaderMap};

const TIMEOUT: Duration = Duration::from_secs(10);

/// An HTTP response.
#[derive(Clone, Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    headers: HeaderMap,
    /// The body, with its chunks joined.
    pub body: String,
}

impl Response {
    /// The first field of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Fetches `path` from `server` in the calling thread's network namespace, with additional header fields.
pub fn get(server: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Result<Response> {
    let config = Agent::config_builder().timeout_global(Some(TIMEOUT)).proxy(None).max_redirects(0);
    let config = config.accept(AutoHeaderValue::None).user_agent(AutoHeaderValue::None);
    let agent = config.http_status_as_error(false).build().new_agent();
    let url = format!("http://{server}{path}");
    let request =
        headers.iter().fold(agent.get(&url), |request, (name, value)| request.header(*name, *value));
    let fetch = || -> Result<Response, ureq::Error> {
        let mut response = request.call()?;
        let body = response.body_mut().read_to_string()?;
        Ok(Response { status: response.status().as_u16(), headers: response.headers().clone(), body })
    };
    fetch().with_context(|| format!("GET {url}"))
}
