//! A real HTTPS server on loopback with its own certificate authority. It misbehaves as a test demands. A
//! proxy in front of it presents it to clients under any host name.

mod answer;
mod certificate;
mod proxy;
mod server;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

pub use answer::Answer;
pub use certificate::{Authority, Identity};
pub use proxy::Proxy;
pub use server::{Received, Server};

/// A port that the kernel chooses.
const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

#[cfg(test)]
mod tests;
