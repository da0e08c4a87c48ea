//! `/ranges`: the published list in any format of the exports, with the validators that let a client ask if
//! it has changed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::{Endpoints, endpoints::ScrapeError};
use crate::{
    export::{Export, ExportError, FORMATS, Family, Format, OnLapse, Selection},
    geo::GeoCode,
    published::{Lease, PublishedList},
    state::sha256,
};

/// Maximum number of bytes of a query: some hundred geos.
const LONGEST_QUERY: usize = 1024;

/// The query, with the names and values of the flags of `export`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Parameters {
    format: Option<String>,
    geo: Option<String>,
    family: Option<String>,
    #[serde(rename = "include-retired")]
    include_retired: Option<bool>,
    #[serde(rename = "on-lapse")]
    on_lapse: Option<String>,
}

/// Reason why there is no list for a request.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("a query has at most {LONGEST_QUERY} bytes")]
    TooLong,
    #[error("{0}")]
    Query(String),
    #[error("{0:?} is not a {1}; use one of {2}")]
    Value(String, &'static str, String),
    #[error("no list is published yet")]
    NotPublished,
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error(transparent)]
    Scrape(#[from] ScrapeError),
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::TooLong => StatusCode::URI_TOO_LONG,
            Self::Query(_) | Self::Value(..) => StatusCode::BAD_REQUEST,
            Self::Export(ExportError::Empty) => StatusCode::NOT_FOUND,
            Self::NotPublished | Self::Export(ExportError::Lapsed { .. }) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Scrape(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let line: String = self.to_string().chars().filter(|c| !c.is_control()).collect();
        (status, format!("{line}\n")).into_response()
    }
}

/// Answers a request for the list.
pub(super) async fn ranges(
    State(endpoints): State<Endpoints>,
    uri: Uri,
    headers: HeaderMap,
    parameters: Result<Query<Parameters>, QueryRejection>,
) -> Result<Response, impl IntoResponse> {
    if uri.query().is_some_and(|query| query.len() > LONGEST_QUERY) {
        return Err(Refused::TooLong);
    }
    let Query(parameters) = parameters.map_err(|refused| Refused::Query(refused.body_text()))?;
    let format = format(&parameters)?;
    let selection = selection(&parameters)?;
    let render = move |list: &PublishedList| -> Result<(String, String, SystemTime), Refused> {
        if list.generation == 0 {
            return Err(Refused::NotPublished);
        }
        let text = (format.render)(&Export::new(list, &selection, format.name, now())?);
        let tag = format!("\"{}\"", &sha256(text.as_bytes())[..32]);
        Ok((text, tag, modified(list)))
    };
    let (text, tag, modified) = endpoints.render(render).await??;
    let validators = [
        (header::ETAG, tag.clone()),
        (header::LAST_MODIFIED, httpdate::fmt_http_date(modified)),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
    ];
    if is_known(&headers, &tag, modified) {
        return Ok((StatusCode::NOT_MODIFIED, validators).into_response());
    }
    Ok((validators, [(header::CONTENT_TYPE, format.content_type)], text).into_response())
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The time of the last change: a publication, a reading that moved a lease, or the end of a lease.
fn modified(list: &PublishedList) -> SystemTime {
    let read = list.sources.iter().filter_map(|source| source.last_success);
    let ends = list.sources.iter().filter_map(|source| match source.lease {
        Lease::Until(end) => Some(end),
        Lease::Unconfirmed | Lease::Endless => None,
    });
    // A lease that has not ended is no change yet, and a clock may be wrong.
    let past = read.chain(ends).chain([list.published]).filter(|time| *time <= now());
    UNIX_EPOCH + Duration::from_secs(past.max().unwrap_or_default())
}

/// Returns true if the client has this answer already. A tag takes precedence over a time
/// (RFC 9110, section 13.2.2).
fn is_known(headers: &HeaderMap, tag: &str, modified: SystemTime) -> bool {
    let mut tags = headers.get_all(header::IF_NONE_MATCH).iter().peekable();
    if tags.peek().is_some() {
        let tags = tags.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        return tags.map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag);
    }
    let since = headers.get(header::IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok());
    let since = since.and_then(|value| httpdate::parse_http_date(value).ok());
    // An HTTP date has whole seconds.
    since.is_some_and(|since| modified <= since)
}

fn format(parameters: &Parameters) -> Result<Format, Refused> {
    let name = parameters.format.as_deref().unwrap_or("plain");
    let names = || FORMATS.map(|format| format.name).join(", ");
    Format::named(name).ok_or_else(|| Refused::Value(name.to_owned(), "format", names()))
}

fn selection(parameters: &Parameters) -> Result<Selection, Refused> {
    let geo = |code: &str| {
        let code_of = || "the codes of three upper-case letters, separated by commas".to_owned();
        GeoCode::new(code).ok_or_else(|| Refused::Value(code.to_owned(), "geo", code_of()))
    };
    let geos = parameters.geo.as_deref().map(|codes| codes.split(',').map(geo).collect());
    let family = |name: &String| {
        let names = || Family::ALL.map(Family::as_str).join(", ");
        let found = Family::ALL.into_iter().find(|family| family.as_str() == name);
        found.ok_or_else(|| Refused::Value(name.clone(), "family", names()))
    };
    let on_lapse = |name: &String| {
        let names = || OnLapse::ALL.map(OnLapse::as_str).join(", ");
        let found = OnLapse::ALL.into_iter().find(|choice| choice.as_str() == name);
        found.ok_or_else(|| Refused::Value(name.clone(), "treatment of an ended lease", names()))
    };
    Ok(Selection {
        geos: geos.transpose()?.unwrap_or_default(),
        family: parameters.family.as_ref().map(family).transpose()?,
        include_retired: parameters.include_retired.unwrap_or_default(),
        on_lapse: parameters.on_lapse.as_ref().map(on_lapse).transpose()?.unwrap_or_default(),
    })
}
