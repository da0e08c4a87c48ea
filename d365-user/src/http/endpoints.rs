//! The endpoints: what each path answers, and from which data.

use std::{
    error::Error,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use thiserror::Error;
use tokio::sync::{Semaphore, watch};

use super::{
    Failures, Hosts, Readiness, accept,
    health::{Failure, Health},
};
use crate::{
    published::PublishedList,
    resources::{ResourceError, Worker},
    snapshot::SnapshotSource,
    version::VERSION,
    view::{self, Format},
};

/// Time for a connection from its first to its last byte. A scrape that takes longer has no reader any more.
pub(super) const CONNECTION: Duration = Duration::from_secs(30);
/// Maximum number of bytes of a refused host that are logged.
const LONGEST_HOST: usize = 100;

/// The data that the endpoints answer from.
#[derive(Clone)]
pub struct Endpoints {
    source: Arc<dyn SnapshotSource>,
    readiness: watch::Receiver<Readiness>,
    pub(super) failures: Arc<Failures>,
    hosts: Hosts,
    /// Takes scrapes, one after another: each reads all counters by system calls. It is made at the start, so
    /// that a lack of threads never prevents a scrape.
    scraper: Worker,
    /// Clients wait here before their scrape becomes a job. A client that leaves meanwhile leaves no work
    /// behind.
    turn: Arc<Semaphore>,
    health: Arc<Health>,
}

impl Endpoints {
    /// Makes endpoints over this source and this readiness, for requests to these hosts.
    ///
    /// # Errors
    /// There is no thread to take scrapes.
    pub fn new(
        source: Arc<dyn SnapshotSource>,
        readiness: watch::Receiver<Readiness>,
        failures: Arc<Failures>,
        hosts: Hosts,
    ) -> Result<Self, ResourceError> {
        let scraper = Worker::start("scrapes", "answer scrapes")?;
        let (turn, health) = (Arc::new(Semaphore::new(1)), Arc::default());
        Ok(Self { source, readiness, failures, hosts, scraper, turn, health })
    }

    /// Takes one scrape.
    async fn scrape(&self, format: Format) -> Result<String, ScrapeError> {
        // The semaphore is never closed, so that no error can come. An error would only mean one limit less.
        let permit = Arc::clone(&self.turn).acquire_owned().await.ok();
        self.health.begin();
        let own = self.clone();
        let taken = self.scraper.run(move || {
            // The permit is held to the end of the work, which continues when the client does not wait for
            // it.
            let _permit = permit;
            let text = catch_unwind(AssertUnwindSafe(|| scrape(&*own.source, format)));
            own.ended(text.unwrap_or(Err(ScrapeError::Panicked)))
        });
        // The thread lives as long as `self`.
        taken.await.unwrap_or(Err(ScrapeError::Panicked))
    }

    /// Passes the published list to `render`, on the thread that takes scrapes: a long list takes a while.
    pub(super) async fn render<T: Send + 'static>(
        &self,
        render: impl FnOnce(&PublishedList) -> T + Send + 'static,
    ) -> Result<T, ScrapeError> {
        let permit = Arc::clone(&self.turn).acquire_owned().await.ok();
        let source = Arc::clone(&self.source);
        let rendered = self.scraper.run(move || {
            let _permit = permit;
            catch_unwind(AssertUnwindSafe(|| render(&source.list()))).map_err(|_| ScrapeError::Panicked)
        });
        rendered.await.unwrap_or(Err(ScrapeError::Panicked))
    }

    fn ended(&self, text: Result<String, ScrapeError>) -> Result<String, ScrapeError> {
        if text.is_err() {
            self.failures.count(Failure::Scrape);
        }
        self.health.end(text.as_ref().err().map(ScrapeError::line));
        text
    }
}

fn scrape(source: &dyn SnapshotSource, format: Format) -> Result<String, ScrapeError> {
    let snapshot = source.snapshot().map_err(ScrapeError::Snapshot)?;
    Ok(view::metrics(&Arc::new(snapshot), format)?)
}

/// An error that leaves a scrape without an answer.
#[derive(Debug, Error)]
pub(super) enum ScrapeError {
    #[error("cannot read the counters: {0}")]
    Snapshot(Box<dyn Error + Send + Sync>),
    #[error("cannot write the metrics as text")]
    Render(#[from] std::fmt::Error),
    #[error("the scrape ended by a fault of this program")]
    Panicked,
}

impl ScrapeError {
    fn line(&self) -> String {
        self.to_string().replace(['\r', '\n'], " ")
    }
}

impl IntoResponse for ScrapeError {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, format!("{}\n", self.line())).into_response()
    }
}

/// Rejects requests that are meant for another server. The first of them is logged.
pub(super) async fn check_host(State(endpoints): State<Endpoints>, request: Request, next: Next) -> Response {
    let refused = match endpoints.hosts.check(request.version(), request.uri(), request.headers()) {
        Ok(()) => return next.run(request).await,
        Err(refused) => refused,
    };
    if endpoints.failures.count(Failure::Host) == 0 {
        let host = request.headers().get(header::HOST).map(header::HeaderValue::as_bytes);
        let host: String =
            host.unwrap_or_default().escape_ascii().map(char::from).take(LONGEST_HOST).collect();
        tracing::warn!(
            uri = format!("{:.LONGEST_HOST$}", request.uri().to_string()), host, error = %refused,
            "an HTTP request was refused; further ones are only counted"
        );
    }
    (refused.status(), format!("{refused}\n")).into_response()
}

pub(super) async fn metrics(
    State(endpoints): State<Endpoints>,
    headers: HeaderMap,
) -> Result<Response, ScrapeError> {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let format = accept::format(accept);
    let text = endpoints.scrape(format).await?;
    Ok(([(header::CONTENT_TYPE, format.content_type())], text).into_response())
}

/// 200 while scrapes are answered. If the last scrape failed, another one is taken, so that the answer is
/// current.
pub(super) async fn health(State(endpoints): State<Endpoints>) -> Response {
    let unwell = |why: String| (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response();
    if let Some(time) = endpoints.health.stuck(CONNECTION) {
        return unwell(format!("a scrape has been taking {} s by now", time.as_secs()));
    }
    if endpoints.health.is_failing()
        && let Err(error) = endpoints.scrape(Format::Classic).await
    {
        return unwell(error.line());
    }
    "ok\n".into_response()
}

pub(super) async fn ready(State(endpoints): State<Endpoints>) -> Response {
    match &*endpoints.readiness.borrow() {
        Readiness::Ready => "ready\n".into_response(),
        Readiness::NotReady(why) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")).into_response()
        }
    }
}

pub(super) async fn index() -> Html<String> {
    Html(format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>d365-user</title></head>\n\
         <body><h1>d365-user {VERSION}</h1>\n<ul>\n\
         <li><a href=\"/metrics\">/metrics</a>: counters, for Prometheus</li>\n\
         <li><a href=\"/ranges\">/ranges</a>: the published list, in any format of d365-user export</li>\n\
         <li><a href=\"/readyz\">/readyz</a>: 200 once attached and trusted, 503 before</li>\n\
         <li><a href=\"/healthz\">/healthz</a>: 200 while scrapes are answered</li>\n\
         </ul></body></html>\n"
    ))
}
