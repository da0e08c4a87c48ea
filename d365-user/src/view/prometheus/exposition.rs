//! Metric families over constant values, as prometheus-client's encoder needs them.

use std::fmt;

use prometheus_client::{
    encoding::{DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeMetric as _},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge, info::Info},
    registry::Unit,
};

use crate::snapshot::Count;

/// The labels of a sample.
pub(super) type Labels<'a, const N: usize> = [(&'static str, &'a str); N];

/// An exposition that is being written, family by family.
pub(super) struct Exposition<'a>(DescriptorEncoder<'a>);

impl<'a> Exposition<'a> {
    pub(super) fn new(encoder: DescriptorEncoder<'a>) -> Self {
        Self(encoder)
    }

    /// A counter for each sample. The encoder adds `_total`, and the unit before it.
    pub(super) fn counters<'l, const N: usize, V: EncodeCounterValue>(
        &mut self,
        name: &str,
        unit: Option<&Unit>,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'l, N>, V)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, unit, MetricType::Counter)?;
        for (labels, value) in samples {
            ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    /// A gauge for each sample. The encoder adds the unit to the name.
    pub(super) fn gauges<'l, const N: usize, V: EncodeGaugeValue>(
        &mut self,
        name: &str,
        unit: Option<&Unit>,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'l, N>, V)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for (labels, value) in samples {
            ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    /// A counter without labels.
    pub(super) fn counter(
        &mut self,
        name: &str,
        unit: Option<&Unit>,
        help: &str,
        value: impl EncodeCounterValue,
    ) -> fmt::Result {
        ConstCounter::new(value).encode(self.0.encode_descriptor(name, help, unit, MetricType::Counter)?)
    }

    /// A gauge without labels.
    pub(super) fn gauge(
        &mut self,
        name: &str,
        unit: Option<&Unit>,
        help: &str,
        value: impl EncodeGaugeValue,
    ) -> fmt::Result {
        ConstGauge::new(value).encode(self.0.encode_descriptor(name, help, unit, MetricType::Gauge)?)
    }

    /// An info; the encoder adds `_info`.
    pub(super) fn info<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        labels: Labels<'static, N>,
    ) -> fmt::Result {
        Info::new(labels).encode(self.0.encode_descriptor(name, help, None, MetricType::Info)?)
    }

    /// The three counters of a [`Count`]: `{stem}_packets`, `{stem}_bytes`, `{stem}_connections`.
    pub(super) fn counts<const N: usize>(
        &mut self,
        stem: &str,
        of: &str,
        samples: &[(Labels<'_, N>, Count)],
    ) -> fmt::Result {
        let each =
            |part: fn(&Count) -> u64| samples.iter().map(move |(labels, count)| (*labels, part(count)));
        let packets = format!("Packets {of}.");
        self.counters(&format!("{stem}_packets"), None, &packets, each(|count| count.packets))?;
        let bytes = format!("Bytes (whole frames, link-layer header included) {of}.");
        self.counters(stem, Some(&Unit::Bytes), &bytes, each(|count| count.bytes))?;
        let connections = format!("New connections (SYN without ACK) {of}.");
        self.counters(&format!("{stem}_connections"), None, &connections, each(|count| count.connections))
    }
}
