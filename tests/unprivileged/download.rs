//! The download against a real HTTPS server on loopback, with an authority of the test's own.

mod bodies;
mod environment;
mod flow;
mod redirects;
mod site;
mod slow;
mod tls;
mod vendor;
