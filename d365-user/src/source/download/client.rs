//! One GET over HTTPS. The client follows redirects itself, and only to allowed hosts. A request may be
//! conditional, and is bounded in time and size.
//!
//! The client blocks, so call it only where blocking is allowed. It writes nothing. A body that it returns is
//! complete.

use std::{
    io::Read as _,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use ureq::{
    Agent, Body, Proxy, Timeout,
    http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header},
    tls::{Certificate, RootCerts, TlsConfig},
    unversioned::transport::DefaultConnector,
};

use super::{
    DownloadError, Hosts, Limits, Options, OptionsError, Problem, Url, Validators, challenge, fault,
    no_proxy, resolver, retry_after,
};
use crate::source::redact::redacted_url;

/// Maximum number of redirects that are followed.
const MAX_REDIRECTS: u32 = 5;
/// Maximum size of a response's head in bytes.
const MAX_HEAD: usize = 32 << 10;
/// Maximum number of bytes in one read.
const CHUNK: usize = 64 << 10;

/// An HTTPS client. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    proxy: Option<(Proxy, String)>,
    limits: Limits,
}

impl Client {
    /// Creates a client with the authorities that are trusted at this moment. Create a new one for each
    /// refresh.
    ///
    /// # Errors
    /// [`OptionsError`] if there is no trusted authority.
    pub fn new(options: &Options) -> Result<Self, OptionsError> {
        let roots: Vec<_> =
            options.roots.load()?.iter().map(|root| Certificate::from_der(root).to_owned()).collect();
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&roots))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let limits = options.limits;
        let config = Agent::config_builder()
            .https_only(true)
            .tls_config(tls)
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(0)
            .max_response_header_size(MAX_HEAD)
            .user_agent(options.user_agent.as_str())
            .accept_encoding("identity")
            .timeout_resolve(Some(limits.connect))
            .timeout_connect(Some(limits.connect))
            .timeout_send_request(Some(limits.response))
            .timeout_recv_response(Some(limits.response))
            .timeout_per_read(Some(limits.stall))
            .build();
        let agent = Agent::with_parts(config, DefaultConnector::new(), resolver::System);
        Ok(Self { agent, proxy: options.proxy.clone(), limits })
    }

    /// Fetches a document of at most `limit` bytes. The URL and every redirect may lead to these hosts only.
    /// Returns the complete body and the validators for the next request; `None` if the document still has
    /// the validators `unless`.
    ///
    /// # Errors
    /// The first problem. Nothing is retried.
    pub fn get(
        &self,
        url: &Url,
        hosts: &Hosts,
        limit: u64,
        unless: Option<&Validators>,
    ) -> Result<Option<(Vec<u8>, Validators)>, DownloadError> {
        let mut url = url.clone();
        self.follow(&mut url, hosts, limit, unless).map_err(|problem| DownloadError {
            url,
            problem,
            next: None,
        })
    }

    /// Follows the redirects, and leaves the last URL in `url`.
    fn follow(
        &self,
        url: &mut Url,
        hosts: &Hosts,
        limit: u64,
        unless: Option<&Validators>,
    ) -> Result<Option<(Vec<u8>, Validators)>, Problem> {
        let deadline = Instant::now() + self.limits.whole;
        for _ in 0..=MAX_REDIRECTS {
            if !hosts.allow(url) {
                return Err(Problem::HostNotAllowed { allowed: hosts.clone() });
            }
            let response = self.send(url, unless, deadline)?;
            match response.status() {
                StatusCode::OK => return body(response, limit).map(Some),
                StatusCode::NOT_MODIFIED if unless.is_some_and(Validators::any) => return Ok(None),
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT => *url = target(url, &response)?,
                _ => return Err(refused(response)),
            }
        }
        Err(Problem::Redirect(format!("more than {MAX_REDIRECTS} redirects, one after the other")))
    }

    fn send(
        &self,
        url: &Url,
        unless: Option<&Validators>,
        deadline: Instant,
    ) -> Result<Response<Body>, Problem> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left == Duration::ZERO {
            return Err(Problem::Timeout(fault::step(Timeout::Global)));
        }
        let proxy = self.proxy.as_ref().filter(|(_, exceptions)| !no_proxy::holds(exceptions, url.host()));
        let proxy = proxy.map(|(proxy, _)| proxy);
        let request = self.agent.get(url.as_str()).config().timeout_global(Some(left));
        let mut request = request.proxy(proxy.cloned()).build();
        for (name, value) in unless.map(Validators::conditions).into_iter().flatten() {
            // A text that is not a valid field value did not come from a server.
            if let Ok(value) = HeaderValue::from_str(value) {
                request = request.header(name, value);
            }
        }
        let proxy = proxy.map(|proxy| format!("{}:{}", proxy.host(), proxy.port()));
        request.call().map_err(|error| fault::map_request_error(error, proxy.as_deref()))
    }
}

impl Validators {
    /// Returns the header fields that make a request conditional.
    fn conditions(&self) -> impl Iterator<Item = (HeaderName, &str)> {
        let etag = self.etag.as_deref().map(|etag| (header::IF_NONE_MATCH, etag));
        let date = self.last_modified.as_deref().map(|date| (header::IF_MODIFIED_SINCE, date));
        etag.into_iter().chain(date)
    }
}

/// Returns the problem behind an answer whose status is neither success nor a redirect.
fn refused(response: Response<Body>) -> Problem {
    let status = response.status();
    let is_busy = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let value = is_busy.then(|| text(response.headers(), header::RETRY_AFTER)).flatten();
    let pause = value.and_then(|value| retry_after::asked(&value, SystemTime::now()));
    let is_page = text(response.headers(), header::CONTENT_TYPE)
        .is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/html"));
    if (is_busy || status == StatusCode::FORBIDDEN) && is_page {
        let headers = response.headers().clone();
        let mut page = Vec::new();
        let body = response.into_body().into_reader();
        // The part of the page that arrived is enough.
        let _ = body.take(challenge::LOOKED_AT as u64).read_to_end(&mut page);
        if let Some(by) = challenge::by(&headers, &page, true) {
            return Problem::Challenge { by, status: status.as_u16(), retry_after: pause };
        }
    }
    let status = status.as_u16();
    pause.map_or(Problem::Status(status), |pause| Problem::RetryAfter { status, pause })
}

/// Returns the target of a redirect.
fn target(url: &Url, response: &Response<Body>) -> Result<Url, Problem> {
    let Some(location) = response.headers().get(header::LOCATION) else {
        let status = response.status().as_u16();
        return Err(Problem::Redirect(format!("a redirect (status {status}) that names no target")));
    };
    let location = String::from_utf8_lossy(location.as_bytes());
    url.join(&location).map_err(|cause| {
        let shown: String = redacted_url(&location).chars().take(200).collect();
        Problem::Redirect(format!("a redirect to {shown:?}: {cause}"))
    })
}

/// Returns the complete body, or an error. A body without a length may look complete although the connection
/// broke, and is then only shorter. Its reader must notice that, as every reader of a document does.
fn body(response: Response<Body>, limit: u64) -> Result<(Vec<u8>, Validators), Problem> {
    let too_large = || Problem::TooLarge { limit };
    let headers = response.headers();
    if let Some(encoding) =
        text(headers, header::CONTENT_ENCODING).filter(|encoding| !encoding.eq_ignore_ascii_case("identity"))
    {
        return Err(Problem::Encoded(encoding));
    }
    let validators =
        Validators { etag: text(headers, header::ETAG), last_modified: text(headers, header::LAST_MODIFIED) };
    let announced = response.body().content_length();
    if announced.is_some_and(|announced| announced > limit) {
        return Err(too_large());
    }
    let mut reader = response.into_body().into_reader();
    let mut bytes = Vec::with_capacity(announced.and_then(|length| length.try_into().ok()).unwrap_or(CHUNK));
    let mut chunk = vec![0; CHUNK];
    let mut received = 0_u64;
    loop {
        let read = reader.read(&mut chunk).map_err(|error| fault::of_body(error, received))?;
        if read == 0 {
            return Ok((bytes, validators));
        }
        received += read as u64;
        if received > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk[..read]);
    }
}

/// Returns the value of a header field, if it is text.
fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
