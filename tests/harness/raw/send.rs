//! Sends frames that no stack would send.

use std::io;

use anyhow::{Context as _, Result};
use socket2::Socket;

use super::{bind, packet_socket};
use crate::{frame::Frame, veth::End};

/// Sends frames out of one interface.
#[derive(Debug)]
pub struct FrameSender {
    socket: Socket,
    interface: String,
}

impl FrameSender {
    /// Opens the interface inside its namespace.
    pub fn on(end: &End) -> Result<Self> {
        let socket = end.netns.run(|| {
            let socket = packet_socket()?;
            bind(&socket, &end.name, 0).map(|()| socket)
        });
        let socket = socket.with_context(|| format!("cannot send on {}", end.name))?;
        Ok(Self { socket, interface: end.name.clone() })
    }

    /// Sends one frame. It has at least 14 bytes, and at most the MTU plus Ethernet header and one VLAN tag.
    /// On a veth, the frame passes XDP and enters the peer's stack soon after this call, but not necessarily
    /// before it returns.
    pub fn send(&self, frame: &Frame) -> Result<()> {
        self.send_bytes(&frame.bytes())
    }

    /// Does the same as [`Self::send`], for any bytes.
    pub fn send_bytes(&self, frame: &[u8]) -> Result<()> {
        loop {
            match self.socket.send(frame) {
                // The interface's queue is full for the moment.
                Err(error) if error.raw_os_error() == Some(nix::libc::ENOBUFS) => std::thread::yield_now(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                sent => {
                    let describe = || format!("frame of {} bytes out of {}", frame.len(), self.interface);
                    let sent = sent.with_context(describe)?;
                    anyhow::ensure!(sent == frame.len(), "{}: {sent} bytes sent", describe());
                    return Ok(());
                }
            }
        }
    }
}
