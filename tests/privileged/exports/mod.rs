//! Exported lists in Debian's programs, configured by the blocks of `docs/spam-filters.md`. For each program:
//! the first and the last address of the ranges are in, their neighbours are out, unless another range has
//! them.

mod bind;
mod exim;
mod haproxy;
mod ipset;
mod lists;
mod nftables;
mod postfix;
mod rspamd;
mod spamassassin;

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use d365_tests::{lab::Lab, page};

/// The directory of the page's examples.
const DIRECTORY: &str = "/var/cache/d365";

/// The block of the page whose first line is `first`.
fn block(first: &str) -> String {
    page::block("spam-filters.md", first).unwrap()
}

/// The block of the page, without its line that asks a block list by DNS, and with this line in its place.
fn without_block_list(first: &str, line: &str) -> String {
    let block = block(first);
    let asking = block.lines().find(|line| line.contains("zen.spamhaus.org")).expect("a block list");
    block.replace(asking, line)
}

/// A lab whose sender has these addresses.
fn lab(sources: &[IpAddr]) -> Lab {
    let lab = Lab::new().unwrap();
    sources.iter().for_each(|source| lab.add_source(*source).unwrap());
    lab
}

/// Sends datagrams from all these addresses to port 25 of the host without a pause, while `work` runs.
/// Returns their number.
fn under_traffic(lab: &Lab, sources: &[IpAddr], work: impl FnOnce()) -> u64 {
    let socket = |source: &IpAddr| {
        let socket = lab.sender.run(|| UdpSocket::bind(SocketAddr::new(*source, 0))).unwrap();
        socket.connect(SocketAddr::new(lab.link().host_for(*source), 25)).unwrap();
        socket
    };
    let sockets: Vec<UdpSocket> = sources.iter().map(socket).collect();
    let (sent, ends) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let sending = scope.spawn(|| {
            while !ends.load(Ordering::Relaxed) {
                for socket in &sockets {
                    // An ICMP error about an earlier datagram, which nobody receives, ends a call.
                    sent.fetch_add(u64::from(socket.send(b"d365").is_ok()), Ordering::Relaxed);
                }
            }
        });
        work();
        ends.store(true, Ordering::Relaxed);
        sending.join().unwrap();
    });
    sent.into_inner()
}
