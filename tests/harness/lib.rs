//! The lab: what tests and the demo need around the daemon. It must not know the daemon's code.

pub mod bpf;
mod capture;
pub mod child;
pub mod corpus;
pub mod credentials;
pub mod daemon;
mod daemon_options;
pub mod frame;
pub mod generate;
pub mod http;
pub mod https;
pub mod lab;
pub mod mount;
pub mod netns;
pub mod nft;
pub mod offload;
pub mod promtool;
pub mod raw;
pub mod require;
pub mod scrape;
pub mod seccomp;
pub mod smtp;
pub mod task;
pub mod tcp;
pub mod temp;
pub mod veth;
