//! Connections, each within limits of number, size and time, with TLS if the web configuration has it.
//!
//! Each connection gets one answer: a scrape comes every few seconds, so that keeping connections open would
//! gain nothing. One time limit then bounds a slow head, a slow scrape and a slow reader alike. axum's own
//! server has no time limit; this loop over hyper does the same work with limits.

use std::{
    io::{
        self,
        ErrorKind::{ConnectionAborted, ConnectionReset, InvalidData, TimedOut},
    },
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::middleware;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use rustls::ServerConfig;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use super::{
    Access, Endpoints, Failures, Listeners, access::check, endpoints::CONNECTION, health::Failure,
    listen::Connection, router::router,
};

/// Maximum number of open connections; more wait in the listener's queue.
const CONNECTIONS: usize = 32;
/// Time for a TLS handshake, and then for a request's head.
const HEAD: Duration = Duration::from_secs(5);
/// Maximum number of bytes of a request's head.
const HEAD_BYTES: usize = 16 * 1024;
/// Pause after an accept that failed because of a lack of resources (descriptors, memory).
const RETRY: Duration = Duration::from_millis(100);
/// Time for unfinished answers after `shutdown`: [`serve`] returns at the latest then.
pub const GRACE: Duration = Duration::from_secs(3);

type Service = TowerToHyperService<axum::Router>;

/// Serves until `shutdown`. It then accepts no more connections and ends the open ones: requests that were
/// read are answered, others are not waited for. It returns within [`GRACE`] after `shutdown`.
pub async fn serve(
    listeners: Listeners,
    endpoints: Endpoints,
    access: Access,
    shutdown: impl Future<Output = ()>,
) {
    let failures = Arc::clone(&endpoints.failures);
    let rules = middleware::from_fn_with_state(access.clone(), check);
    let service = Service::new(router(endpoints).layer(rules));
    let stop = watch::Sender::new(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    let is_failing = AtomicBool::new(false);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            _ = connections.join_next(), if !connections.is_empty() => {}
            stream = accept(&listeners, &failures, &is_failing), if connections.len() < CONNECTIONS => {
                if let Some(stream) = stream {
                    let (service, stop) = (service.clone(), stop.subscribe());
                    connections.spawn(answer(stream, access.tls(), service, stop, Arc::clone(&failures)));
                }
            }
        }
    }
    drop(listeners);
    stop.send_replace(true);
    let ended = timeout(GRACE, async { while connections.join_next().await.is_some() {} }).await;
    if ended.is_err() {
        tracing::warn!(count = connections.len(), "HTTP connections cut off: not done in time");
        connections.shutdown().await;
    }
}

/// Returns the next connection; `None` after an error. A lack of resources, descriptors above all, is counted
/// each time and logged when it begins and when it ends.
async fn accept(
    listeners: &Listeners,
    failures: &Failures,
    is_failing: &AtomicBool,
) -> Option<Box<dyn Connection>> {
    match listeners.accept().await {
        Ok(stream) => {
            if is_failing.swap(false, Relaxed) {
                tracing::info!("HTTP connections are accepted again");
            }
            Some(stream)
        }
        // The client's own failure ends with its connection.
        Err(error) if matches!(error.kind(), ConnectionAborted | ConnectionReset) => None,
        Err(error) => {
            failures.count(Failure::Accept);
            if !is_failing.swap(true, Relaxed) {
                tracing::warn!(%error, "cannot accept an HTTP connection; it is tried again all the time");
            }
            // Without a pause the error would come again at once.
            sleep(RETRY).await;
            None
        }
    }
}

/// Answers one request, behind a TLS handshake if there is TLS.
async fn answer(
    stream: Box<dyn Connection>,
    tls: Option<Arc<ServerConfig>>,
    service: Service,
    mut stop: watch::Receiver<bool>,
    failures: Arc<Failures>,
) {
    let answered = timeout(CONNECTION, async {
        let stream = tokio::select! {
            stream = encrypted(stream, tls) => match stream {
                Ok(stream) => stream,
                Err(error) => return note(&error, &failures),
            },
            _ = stop.wait_for(|stop| *stop) => return,
        };
        if let Err(error) = answer_over(stream, service, stop).await {
            tracing::debug!(%error, "HTTP connection failed");
        }
    });
    if answered.await.is_err() {
        tracing::debug!(after = ?CONNECTION, "HTTP connection cut off");
    }
}

/// The connection, behind a TLS handshake if there is TLS.
async fn encrypted(
    stream: Box<dyn Connection>,
    tls: Option<Arc<ServerConfig>>,
) -> io::Result<Box<dyn Connection>> {
    let Some(tls) = tls else { return Ok(stream) };
    let stream = timeout(HEAD, TlsAcceptor::from(tls).accept(stream)).await??;
    Ok(Box::new(stream))
}

/// Counts a handshake that failed, and logs the first. A client that closes the connection does not count:
/// some health checks only connect.
fn note(error: &io::Error, failures: &Failures) {
    if matches!(error.kind(), InvalidData | TimedOut) && failures.count(Failure::Handshake) == 0 {
        tracing::warn!(%error, "a TLS handshake failed; further ones are only counted");
    }
}

async fn answer_over(
    stream: Box<dyn Connection>,
    service: Service,
    mut stop: watch::Receiver<bool>,
) -> hyper::Result<()> {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        result = connection.as_mut() => return result,
        _ = stop.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}
