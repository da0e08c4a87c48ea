//! Plain choices of the operator that several stages share. Imports nothing of ours, and no parser of the
//! command line.

mod http_host;

pub use http_host::HttpHost;
