//! HTTP: the metrics, and whether the daemon lives and is ready.
//!
//! Only reads, and knows a [`SnapshotSource`] and a [`Readiness`], not the kernel. Whatever a client
//! does or leaves undone, it must neither stop the daemon nor keep it from stopping.

use std::{borrow::Cow, error::Error, sync::Arc};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use thiserror::Error;
use tokio::{
    sync::{Semaphore, watch},
    task::{JoinError, spawn_blocking},
};

use crate::{snapshot::SnapshotSource, version::VERSION, view};

mod accept;
mod serve;

pub use serve::{GRACE, serve};

/// Scrapes at a time; others wait. One reads all counters, by system calls.
const SCRAPES: usize = 2;

/// Whether the daemon does its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Not yet or not any more, and why: one line for the operator.
    NotReady(Cow<'static, str>),
    /// Attached.
    Ready,
}

/// What the endpoints answer from.
#[derive(Clone)]
pub struct Endpoints {
    source: Arc<dyn SnapshotSource>,
    readiness: watch::Receiver<Readiness>,
    scrapes: Arc<Semaphore>,
}

impl Endpoints {
    /// Endpoints over this source and this readiness.
    #[must_use]
    pub fn new(source: Arc<dyn SnapshotSource>, readiness: watch::Receiver<Readiness>) -> Self {
        Self { source, readiness, scrapes: Arc::new(Semaphore::new(SCRAPES)) }
    }

    fn router(self) -> Router {
        Router::new()
            .route("/", get(index))
            .route("/metrics", get(metrics))
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(ready))
            .fallback(|| async { (StatusCode::NOT_FOUND, "not found; / lists what there is\n") })
            .with_state(self)
    }
}

/// Why a scrape has no answer.
#[derive(Debug, Error)]
enum ScrapeError {
    #[error("cannot read the counters: {0}")]
    Snapshot(Box<dyn Error + Send + Sync>),
    #[error("cannot write the metrics as text")]
    Render(#[from] std::fmt::Error),
    #[error("the scrape did not end: {0}")]
    Join(#[from] JoinError),
}

impl IntoResponse for ScrapeError {
    fn into_response(self) -> Response {
        let line = self.to_string().replace(['\r', '\n'], " ");
        tracing::error!("scrape failed: {line}");
        (StatusCode::INTERNAL_SERVER_ERROR, format!("{line}\n")).into_response()
    }
}

async fn metrics(State(endpoints): State<Endpoints>, headers: HeaderMap) -> Result<Response, ScrapeError> {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let format = accept::format(accept);
    // The semaphore is never closed: an error cannot come, and would only mean one limit less.
    let permit = endpoints.scrapes.acquire_owned().await.ok();
    let text = spawn_blocking(move || {
        // Held to the end of the work, which goes on when the client does not wait for it.
        let _permit = permit;
        let snapshot = endpoints.source.snapshot().map_err(ScrapeError::Snapshot)?;
        Ok::<_, ScrapeError>(view::metrics(&Arc::new(snapshot), format)?)
    })
    .await??;
    Ok(([(header::CONTENT_TYPE, format.content_type())], text).into_response())
}

async fn ready(State(endpoints): State<Endpoints>) -> Response {
    match &*endpoints.readiness.borrow() {
        Readiness::Ready => "ready\n".into_response(),
        Readiness::NotReady(why) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")).into_response()
        }
    }
}

async fn index() -> Html<String> {
    Html(format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>d365-user</title></head>\n\
         <body><h1>d365-user {VERSION}</h1>\n<ul>\n\
         <li><a href=\"/metrics\">/metrics</a>: counters, for Prometheus</li>\n\
         <li><a href=\"/readyz\">/readyz</a>: 200 once attached, 503 before</li>\n\
         <li><a href=\"/healthz\">/healthz</a>: 200 while the daemon lives</li>\n\
         </ul></body></html>\n"
    ))
}

#[cfg(test)]
mod tests;
