//! Counts frames as they arrive behind XDP. Tests compare the daemon's counters with these counts.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, ensure};
use nix::libc;
use socket2::Socket;

use super::{Sniffed, bind, packet_socket, receive, tally::Direction};
use crate::veth::End;

/// The arrival of frames is over if none has come for this time.
const QUIET: Duration = Duration::from_millis(30);
/// Time limit for the end of the arrival.
const PATIENCE: Duration = Duration::from_secs(5);
/// Room for some ten thousand frames that wait to be counted.
const BUFFER: i32 = 64 << 20;

/// Counts the frames that arrive on an interface, or that leave it. Joined or unsplit segments count as the
/// packets that they were. Counting has begun when [`Self::on`] or [`Self::leaving`] returns. [`Self::stop`]
/// counts every frame that was sent before the call.
#[derive(Debug)]
pub struct Sniffer {
    stop: StopOnDrop,
    counting: JoinHandle<Result<Sniffed>>,
}

impl Sniffer {
    /// Starts counting frames that arrive on the interface, but not frames that leave.
    pub fn on(end: &End) -> Result<Self> {
        Self::start(end, Direction::Arriving)
    }

    /// Starts counting frames that leave the interface, but not frames that arrive.
    pub fn leaving(end: &End) -> Result<Self> {
        Self::start(end, Direction::Leaving)
    }

    fn start(end: &End, direction: Direction) -> Result<Self> {
        let open = || {
            let socket = packet_socket()?;
            receive::prepare(&socket, BUFFER, direction)?;
            socket.set_read_timeout(Some(QUIET))?;
            bind(&socket, &end.name, libc::ETH_P_ALL).map(|()| socket)
        };
        let socket = end.netns.run(open).with_context(|| format!("cannot sniff on {}", end.name))?;
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopped);
        Ok(Self {
            stop: StopOnDrop(stopped),
            counting: thread::spawn(move || count(&socket, direction, &stop)),
        })
    }

    /// Waits until no frame has arrived for a while, and returns the counts. A frame that the kernel could
    /// not keep for the sniffer is an error.
    pub fn stop(self) -> Result<Sniffed> {
        let Self { stop, counting } = self;
        drop(stop);
        counting.join().map_err(|_| anyhow!("the sniffer panicked"))?
    }
}

/// Ends the counting also if the test fails: its socket would keep the namespace, and a network card in it.
#[derive(Debug)]
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn count(socket: &Socket, direction: Direction, stopped: &AtomicBool) -> Result<Sniffed> {
    let (mut sniffed, mut frames) = (Sniffed::default(), 0_u64);
    let mut buffer = receive::Buffer::new();
    let mut stopping_since = None;
    loop {
        if stopped.load(Ordering::Relaxed) {
            let since: Instant = *stopping_since.get_or_insert_with(Instant::now);
            ensure!(since.elapsed() < PATIENCE, "frames still arrive {PATIENCE:?} after the sniffer's stop");
        }
        match buffer.receive(socket) {
            Ok(received) => {
                if received.direction == direction {
                    sniffed.add(&received);
                }
                frames += 1;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && stopping_since.is_some() => break,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("sniffer"),
        }
    }
    let statistics = receive::statistics(socket)?;
    let (seen, lost) = (u64::from(statistics.tp_packets), statistics.tp_drops);
    ensure!(lost == 0, "the sniffer lost {lost} of {seen} frames");
    ensure!(seen == frames, "the sniffer read {frames} frames of {seen}");
    Ok(sniffed)
}
