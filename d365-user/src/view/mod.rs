//! Renderers, one file a format, over a [`Snapshot`]. Pure: no I/O, no clock, no state between two
//! calls; the same snapshot gives the same bytes.

use std::{fmt, sync::Arc};

use crate::snapshot::Snapshot;

mod classic;
mod prometheus;

/// The formats of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `OpenMetrics` text 1.0.0.
    OpenMetrics,
    /// Prometheus' text format 0.0.4.
    Classic,
}

impl Format {
    /// The value of `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// The metrics of a snapshot as text.
///
/// # Errors
/// None that is known: writing to a string does not fail.
pub fn metrics(snapshot: &Arc<Snapshot>, format: Format) -> Result<String, fmt::Error> {
    let text = prometheus::openmetrics(snapshot)?;
    Ok(match format {
        Format::OpenMetrics => text,
        Format::Classic => classic::from_openmetrics(&text),
    })
}

#[cfg(test)]
pub(crate) mod tests;
