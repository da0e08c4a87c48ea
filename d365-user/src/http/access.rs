//! Access to the endpoints by the web configuration: a limit of requests, passwords, and fields of responses.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use rustls::ServerConfig;
use tokio::sync::{Semaphore, watch};

use super::{Failures, health::Failure, web_config::WebConfig};
use crate::resources::{ResourceError, Worker};

/// The rules of the current web configuration.
#[derive(Clone)]
pub struct Access {
    current: watch::Receiver<Arc<WebConfig>>,
    /// Compares passwords, one after another: each takes the processor for a tenth of a second or so. `None`
    /// if no configuration can have any.
    checker: Option<Worker>,
    /// Clients wait here before their password becomes a job. A client that leaves meanwhile leaves no work
    /// behind.
    turn: Arc<Semaphore>,
    failures: Arc<Failures>,
}

/// The reason for which a request is refused.
#[derive(Clone, Copy, Debug)]
enum Refused {
    TooMany,
    Password,
}

impl Access {
    /// Access for everybody, without TLS.
    #[must_use]
    pub fn open(failures: Arc<Failures>) -> Self {
        let (_, current) = watch::channel(Arc::default());
        Self { current, checker: None, turn: Arc::new(Semaphore::new(1)), failures }
    }

    /// Access by a configuration that may change.
    ///
    /// # Errors
    /// There is no thread to compare passwords.
    pub fn new(
        current: watch::Receiver<Arc<WebConfig>>,
        failures: Arc<Failures>,
    ) -> Result<Self, ResourceError> {
        let checker = Some(Worker::start("passwords", "compare passwords")?);
        Ok(Self { current, checker, ..Self::open(failures) })
    }

    /// TLS for the next connection; `None` if connections are not encrypted.
    pub(super) fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.current.borrow().tls()
    }

    async fn check(&self, config: &Arc<WebConfig>, headers: &HeaderMap) -> Result<(), Refused> {
        if !config.allows_request() {
            return Err(Refused::TooMany);
        }
        if !config.has_passwords() {
            return Ok(());
        }
        let (user, password) = credentials(headers).ok_or(Refused::Password)?;
        if config.remembers(&user, &password) {
            return Ok(());
        }
        // The semaphore is never closed, so that no error can come. An error would only mean one limit less.
        let permit = Arc::clone(&self.turn).acquire_owned().await.ok();
        // Another request may have shown it meanwhile.
        if config.remembers(&user, &password) {
            return Ok(());
        }
        let checker = self.checker.as_ref().ok_or(Refused::Password)?;
        let config = Arc::clone(config);
        let is_right = checker.run(move || {
            // The permit is held to the end of the work, which continues when the client does not wait for
            // it.
            let _permit = permit;
            config.verify(&user, &password)
        });
        if is_right.await.unwrap_or(false) { Ok(()) } else { Err(Refused::Password) }
    }

    /// Counts a refused request. The first of its kind is logged, without the name that was tried, which may
    /// be a password in the wrong place.
    fn refuse(&self, refused: Refused) -> Response {
        let (failure, status, message) = match refused {
            Refused::TooMany => (
                Failure::RateLimit,
                StatusCode::TOO_MANY_REQUESTS,
                "HTTP requests are refused by rate_limit of the web configuration; further ones are only counted",
            ),
            Refused::Password => (
                Failure::Password,
                StatusCode::UNAUTHORIZED,
                "an HTTP request without a right user and password was refused; further ones are only counted",
            ),
        };
        if self.failures.count(failure) == 0 {
            tracing::warn!("{message}");
        }
        let mut response =
            (status, format!("{}\n", status.canonical_reason().unwrap_or("refused"))).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"d365-user\", charset=\"UTF-8\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// Lets a request through if the configuration allows it, and sets the configuration's fields in the
/// response.
pub(super) async fn check(State(access): State<Access>, request: Request, next: Next) -> Response {
    let config = Arc::clone(&access.current.borrow());
    let mut response = match access.check(&config, request.headers()).await {
        Ok(()) => next.run(request).await,
        Err(refused) => access.refuse(refused),
    };
    let fields = config.headers().iter().map(|(name, value)| (name.clone(), value.clone()));
    response.headers_mut().extend(fields);
    response
}

/// User and password of a request (RFC 7617); `None` if it has none.
fn credentials(headers: &HeaderMap) -> Option<(String, Vec<u8>)> {
    let field = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = field.split_once(' ')?;
    let mut user =
        BASE64_STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let password = user.split_off(user.iter().position(|byte| *byte == b':')?);
    Some((String::from_utf8(user).ok()?, password[1..].to_vec()))
}
