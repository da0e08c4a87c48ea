//! The download from a real HTTPS server on loopback, with a certificate authority of the test.

mod bodies;
mod environment;
mod flow;
mod redirects;
mod site;
mod slow;
mod tls;
mod vendor;
