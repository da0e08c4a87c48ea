//! The metrics as `OpenMetrics` text, by prometheus-client.
//!
//! Names and labels are final: dashboards and alerts outside this project rely on them. A collector
//! over the snapshot is registered, encoded and dropped, so no value is kept between two scrapes.

use std::{fmt, sync::Arc};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, text::encode},
    registry::Registry,
};

use self::exposition::Exposition;
use crate::snapshot::Snapshot;

mod daemon;
mod exports;
mod exposition;
mod tags;
mod traffic;
mod updates;

/// The whole exposition, `# EOF` included.
pub(super) fn openmetrics(snapshot: &Arc<Snapshot>) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Metrics(Arc::clone(snapshot))));
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

/// All families of one snapshot.
#[derive(Debug)]
struct Metrics(Arc<Snapshot>);

impl Collector for Metrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut exposition = Exposition::new(encoder);
        traffic::write(&mut exposition, &self.0)?;
        tags::write(&mut exposition, &self.0)?;
        updates::write(&mut exposition, &self.0)?;
        exports::write(&mut exposition, &self.0)?;
        daemon::write(&mut exposition, &self.0)
    }
}
