//! HTTP by a web configuration: the same verdict on files as Prometheus's own programs, and a real Prometheus
//! that scrapes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod doctor;
mod documented;
mod hostile;
mod scraped;
mod served;
mod unix;
mod verdicts;
