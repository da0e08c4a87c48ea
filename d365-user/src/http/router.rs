//! The paths, and the handler of each.

use axum::{Router, http::StatusCode, middleware::from_fn_with_state, routing::get};

use super::{
    Endpoints,
    endpoints::{check_host, health, index, metrics, ready},
    ranges::ranges,
};

/// All paths, for requests to the right host.
pub(super) fn router(endpoints: Endpoints) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/metrics", get(metrics))
        .route("/ranges", get(ranges))
        .route("/healthz", get(health))
        .route("/readyz", get(ready))
        .fallback(|| async { (StatusCode::NOT_FOUND, "not found; / lists what there is\n") })
        .layer(from_fn_with_state(endpoints.clone(), check_host))
        .with_state(endpoints)
}
