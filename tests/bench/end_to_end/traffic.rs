//! A generator of segments from listed sources, and the rate at which the segments arrive.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use aya::programs::{TestRun as _, TestRunAttrs, TestRunOptions, Xdp};
use d365_tests::{
    frame::{Frame, Packet, Tcp},
    lab::Lab,
    netns::Netns,
};
use d365_user::{kernel::Interface, ranges::Range};
use nix::unistd::Pid;
use procfs::{FromRead as _, net::Snmp, process::Process};

use crate::{
    bpf,
    programs::{self, Drawn},
    rounds::pin,
    sets,
};

/// Number of sources to draw from.
const SOURCES: usize = 1 << 12;
/// Number of frames of the call that measures the generator's rate.
const FIRST: u32 = 1 << 18;
/// Number of frames that the kernel creates at once: its own default.
const BATCH: u32 = 64;
/// Attempts for one window.
const TRIES: u32 = 8;
/// Time until the flow is even, and until the last frame has arrived.
const SETTLING: Duration = Duration::from_millis(120);

/// The rates in one window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// Packets per second that the stack received.
    pub(super) received: f64,
    /// Packets per second that the generator sent.
    pub(super) sent: f64,
    /// Nanoseconds of processor time of the receiving thread for each packet received.
    pub(super) cost: f64,
}

impl Window {
    /// The fraction of the window for which the receiver worked.
    fn busy(&self) -> f64 {
        self.received * self.cost / 1e9
    }
}

/// A generator, ready to send to a lab's host.
pub(super) struct Traffic {
    generator: Xdp,
    frame: Vec<u8>,
    ifindex: u32,
    receiver: Pid,
}

/// Counts at one moment.
struct Moment {
    at: Instant,
    received: u64,
    spent: u64,
}

impl Traffic {
    pub(super) fn new(lab: &Lab, ranges: &[Range], receiver: Pid) -> Result<Self> {
        let frames: Vec<Vec<u8>> =
            sets::sources(ranges, SOURCES)?.into_iter().map(|source| segment(lab, source)).collect();
        let drawn: Vec<Drawn> = frames.iter().map(|frame| drawn(frame)).collect();
        let ifindex = lab.sender.run(|| Interface::find(&lab.link().sender.name))?.index;
        Ok(Self {
            generator: programs::generator(&drawn)?,
            frame: segment(lab, [192, 0, 2, 1]),
            ifindex,
            receiver,
        })
    }

    /// Sends for this length, and a little before and after it. All frames are sent in one call: between two
    /// calls the kernel pauses for some hundredths of a second, in which the receiver would be idle.
    pub(super) fn window(&self, lab: &Lab, length: Duration, busy: f64) -> Result<Window> {
        let mut rate = self.send(lab, FIRST)?;
        for _ in 0..TRIES {
            let (window, faster) = self.window_at(rate, lab, length)?;
            if let Some(window) = window.filter(|window| window.busy() >= busy) {
                return Ok(window);
            }
            // Other work of the machine slowed the generator down before.
            rate = faster.max(rate * 1.5);
        }
        bail!(
            "other work holds the traffic up: {TRIES} times it ended too early, or the receiver was not at work"
        )
    }

    /// Makes one attempt at an assumed rate of the generator, and returns the true rate too. The window is
    /// `None` if the generator was done before its end, or nothing arrived.
    fn window_at(&self, sending_rate: f64, lab: &Lab, length: Duration) -> Result<(Option<Window>, f64)> {
        let frames = sending_rate * (length + SETTLING * 4).as_secs_f64();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let frames = frames.clamp(1.0, f64::from(u32::MAX)) as u32;
        let (moments, is_over, sent) = thread::scope(|scope| {
            let sending = scope.spawn(|| self.send(lab, frames));
            let moments = self.watch(lab, length);
            let is_over = sending.is_finished();
            let sent = sending.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            (moments, is_over, sent)
        });
        let ([first, last], sent) = (moments?, sent?);
        let seconds = (last.at - first.at).as_secs_f64();
        let received = last.received - first.received;
        if is_over || received == 0 {
            return Ok((None, sent));
        }
        thread::sleep(SETTLING);
        let window = Window {
            received: rate(received, seconds),
            sent,
            cost: rate(last.spent - first.spent, rate(received, 1.0)),
        };
        Ok((Some(window), sent))
    }

    /// Sends this number of frames, and returns the frames per second.
    fn send(&self, lab: &Lab, frames: u32) -> Result<f64> {
        lab.sender.run(|| {
            pin(Pid::from_raw(0), 0)?;
            let since = Instant::now();
            let context = bpf::context(self.frame.len(), self.ifindex);
            let options = TestRunOptions {
                data_in: Some(&self.frame),
                ctx_in: Some(&context),
                repeat: frames,
                attrs: TestRunAttrs::new().xdp_live_frames(BATCH),
                ..TestRunOptions::default()
            };
            self.generator.test_run(options).context("cannot send live frames (Linux 5.18)")?;
            Ok(f64::from(frames) / since.elapsed().as_secs_f64())
        })
    }

    fn watch(&self, lab: &Lab, length: Duration) -> Result<[Moment; 2]> {
        thread::sleep(SETTLING);
        let first = self.now(lab)?;
        thread::sleep(length);
        Ok([first, self.now(lab)?])
    }

    fn now(&self, lab: &Lab) -> Result<Moment> {
        Ok(Moment {
            received: received(&lab.host)?,
            spent: Process::new(self.receiver.as_raw())?.schedstat()?.sum_exec_runtime,
            at: Instant::now(),
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn rate(count: u64, over: f64) -> f64 {
    count as f64 / over
}

/// A segment that the stack receives and does not answer: a reset for no connection.
fn segment(lab: &Lab, source: [u8; 4]) -> Vec<u8> {
    let tcp = Tcp::new(40_000, 25).flags(Tcp::RST);
    Frame::new(Packet::between(source.into(), lab.link().host_v4().into(), tcp)).bytes()
}

/// The parts of a segment that depend on its source: IPv4 source, IPv4 checksum, TCP checksum.
fn drawn(frame: &[u8]) -> Drawn {
    let mut drawn = [0; 8];
    drawn[..4].copy_from_slice(&frame[26..30]);
    drawn[4..6].copy_from_slice(&frame[24..26]);
    drawn[6..].copy_from_slice(&frame[50..52]);
    drawn
}

/// Number of IPv4 packets that a namespace's stack has received (`InReceives`, RFC 4293).
pub(super) fn received(host: &Netns) -> Result<u64> {
    Ok(host.run(|| Snmp::from_file("/proc/thread-self/net/snmp"))?.ip_in_receives)
}
