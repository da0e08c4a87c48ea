//! A real HTTPS server on loopback, with an authority of its own, that behaves as badly as it is told to; and a proxy in
//! front of it, so that clients can be made to believe that they speak to anybody.

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
