//! The lab: what tests and the demo need around the daemon. It must not know the daemon's code.

pub mod child;
pub mod frame;
pub mod http;
pub mod lab;
pub mod netns;
pub mod scrape;
pub mod veth;
