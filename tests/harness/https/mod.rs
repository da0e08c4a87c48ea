//! A real HTTPS server on loopback with its own certificate authority. It misbehaves as a test demands. A
//! proxy in front of it presents it to clients under any host name.

mod answer;
mod certificate;
mod listening;
mod proxy;
mod server;

pub use answer::Answer;
pub use certificate::{Authority, Identity};
pub use proxy::Proxy;
pub use server::{Received, Server};

#[cfg(test)]
mod tests;
