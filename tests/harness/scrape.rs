//! The result of a scrape: the samples of the classic Prometheus text format.
//!
//! This module reads values only. promtool checks HELP, TYPE and names.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};

/// Labels of a sample.
pub type Labels = BTreeMap<String, String>;

/// One line of a scrape.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Metric name, suffix included.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Its value.
    pub value: f64,
}

impl Sample {
    fn matches(&self, name: &str, labels: &[(&str, &str)]) -> bool {
        let has = |(label, value): &(&str, &str)| self.labels.get(*label).is_some_and(|own| own == value);
        self.name == name && labels.iter().all(has)
    }
}

/// All samples of one scrape.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Scrape {
    /// The samples in the order of the text.
    pub samples: Vec<Sample>,
}

impl Scrape {
    /// Reads the text format. A line that is neither a comment nor a sample is an error.
    pub fn parse(text: &str) -> Result<Self> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let samples = lines.map(|line| sample(line).with_context(|| format!("odd sample `{line}`")));
        Ok(Self { samples: samples.collect::<Result<_>>()? })
    }

    /// The samples of this name that have all these labels.
    pub fn select(&self, name: &str, labels: &[(&str, &str)]) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(move |sample| sample.matches(name, labels))
    }

    /// The value of the one sample of this name that has these labels; it may have more. Panics unless there
    /// is exactly one, and shows all samples of this name.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let found: Vec<_> = self.select(name, labels).collect();
        let [one] = found[..] else {
            let all: Vec<_> = self.select(name, &[]).collect();
            panic!("{} samples of {name} with {labels:?} among {all:#?}", found.len());
        };
        one.value
    }

    /// Does the same as [`Self::value`], for metrics that count in whole numbers.
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        whole(self.value(name, labels))
    }

    /// The sum over all samples of this name that have these labels; 0 without such a sample.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.select(name, labels).map(|sample| whole(sample.value)).sum()
    }
}

/// A counter's value; every whole number up to 2^53 is exact.
fn whole(value: f64) -> u64 {
    assert!(value >= 0.0 && value.fract() == 0.0 && value < 9e15, "{value} is no count");
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "just checked")]
    let count = value as u64;
    count
}

fn sample(line: &str) -> Result<Sample> {
    let name_ends = line.find(['{', ' ']).context("no value")?;
    let (name, mut rest) = line.split_at(name_ends);
    ensure!(!name.is_empty(), "no name");
    let mut labels = Labels::new();
    if let Some(mut inside) = rest.strip_prefix('{') {
        while !inside.starts_with('}') {
            let (label, quoted) = inside.split_once('=').context("label without value")?;
            let label = label.trim_start_matches([',', ' ']);
            // The escapes of a label's value are escapes of JSON too.
            let mut values = serde_json::Deserializer::from_str(quoted).into_iter::<String>();
            let value = values.next().context("label without value")??;
            ensure!(labels.insert(label.to_owned(), value).is_none(), "label {label} twice");
            inside = &quoted[values.byte_offset()..];
        }
        rest = &inside[1..];
    }
    let value = rest.split_whitespace().next().context("no value")?;
    Ok(Sample { name: name.to_owned(), labels, value: value.parse()? })
}

#[cfg(test)]
mod tests {
    use super::Scrape;

    const TEXT: &str = r#"# HELP d365_smtp_packets_total Packets.
# TYPE d365_smtp_packets_total counter
d365_smtp_packets_total{iface="mx0",geo="NAM"} 12
d365_smtp_packets_total{iface="mx0",geo="EUR"} 3
d365_smtp_packets_total{iface="mx1",geo="EUR"} 0

d365_generation 1
d365_build_info{version="0.1.0",revision="a\"b\\c\nd, }"} 1 1700000000
process_cpu_seconds_total 1.5e-2
"#;

    #[test]
    fn samples_are_found_by_name_and_some_labels() {
        let scrape = Scrape::parse(TEXT).unwrap();
        assert_eq!(scrape.samples.len(), 6);
        assert_eq!(scrape.count("d365_smtp_packets_total", &[("geo", "NAM")]), 12);
        assert_eq!(scrape.sum("d365_smtp_packets_total", &[("iface", "mx0")]), 15);
        assert_eq!(scrape.sum("no_such_total", &[]), 0);
        assert!((scrape.value("process_cpu_seconds_total", &[]) - 0.015).abs() < 1e-9);
        let info = scrape.select("d365_build_info", &[]).next().unwrap();
        assert_eq!(info.labels["revision"], "a\"b\\c\nd, }");
    }

    #[test]
    #[should_panic(expected = "2 samples of d365_smtp_packets_total")]
    fn an_ambiguous_value_is_refused() {
        Scrape::parse(TEXT).unwrap().value("d365_smtp_packets_total", &[("geo", "EUR")]);
    }

    #[test]
    fn odd_lines_are_refused() {
        for line in ["name", "name{", "name{a=\"b} 1", "name{a=\"b\",a=\"c\"} 1", "{a=\"b\"} 1", "name x"] {
            assert!(Scrape::parse(line).is_err(), "{line}");
        }
    }
}
