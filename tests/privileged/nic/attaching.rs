//! The effect of attaching, exchanging and detaching a native program on the link and on traffic.

use std::{
    fs,
    io::Write as _,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    frame::{Frame, Packet, Tcp},
    lab::{Lab, Link},
    raw::{FrameSender, Sniffer},
    require,
    service_manager::ServiceManager,
    veth::wait_for_carrier,
};

use super::{described, lab, runs_in, usual_mode};
use crate::{
    interfaces::LISTED,
    steps::{SetOnDrop, shell, stop},
};

/// The time before and after each step in which packets are sent too.
const AROUND: Duration = Duration::from_millis(500);

/// Packets that were sent and that arrived, and the changes of the carrier.
#[derive(Clone, Copy, Debug)]
struct Seen {
    sent: u64,
    arrived: u64,
    carrier_changes: u64,
}

impl Seen {
    fn is_interrupted(self) -> bool {
        self.carrier_changes > 0 || self.arrived < self.sent
    }
}

fn carrier_changes(lab: &Lab) -> u64 {
    // A new mount shows the namespace's interfaces.
    let read = format!("mount -t sysfs sys /sys && cat /sys/class/net/{}/carrier_changes", lab.iface());
    shell(&lab.host, &format!("unshare --mount sh -c '{read}'")).trim().parse().unwrap()
}

/// Sends a packet each two milliseconds until `done` is set. Returns their number.
fn send_until(link: &Link, done: &AtomicBool) -> u64 {
    let source = LISTED.parse().unwrap();
    let syn = Packet::between(source, link.host_for(source), Tcp::new(40_000, 26).syn());
    let (frame, sender) = (Frame::new(syn), FrameSender::on(&link.sender).unwrap());
    let mut sent = 0;
    while !done.load(Relaxed) {
        sender.send(&frame).unwrap();
        sent += 1;
        thread::sleep(Duration::from_millis(2));
    }
    sent
}

/// Does a step under traffic, and returns what was seen, which also goes to the machine's console: the run's
/// log has it.
fn seen<T>(lab: &Lab, name: &str, step: impl FnOnce() -> T) -> (Seen, T) {
    let before = carrier_changes(lab);
    let (done, sniffer) = (AtomicBool::new(false), Sniffer::on(&lab.link().host).unwrap());
    let (sent, took, value) = thread::scope(|scope| {
        let traffic = scope.spawn(|| send_until(lab.link(), &done));
        let _done = SetOnDrop(&done);
        thread::sleep(AROUND);
        let started = Instant::now();
        let value = step();
        wait_for_carrier(&lab.link().host).unwrap();
        let took = started.elapsed();
        thread::sleep(AROUND);
        done.store(true, Relaxed);
        (traffic.join().unwrap(), took, value)
    });
    let arrived = sniffer.stop().unwrap().to_port(26, |_| true).packets;
    let seen = Seen { sent, arrived, carrier_changes: carrier_changes(lab) - before };
    let _ = writeln!(fs::File::create("/dev/ttyS0").unwrap(), "{name}: {seen:?}, {took:?}");
    (seen, value)
}

/// The description says if attaching interrupts traffic. Exchanging one program for another never does.
#[test]
fn attaching_does_to_the_link_as_described() {
    require!(Root, Nic, Tool("ip"), Daemon);
    let driver = described();
    // tc does not involve the driver.
    let interrupts = driver.interrupts && driver.defect.is_none();
    let lab = lab(1500);
    let manager = ServiceManager::start().unwrap();
    let options = DaemonOptions::on(&[lab.iface()]).managed(&manager);
    let (attached, daemon) = seen(&lab, "attach", || Daemon::start(&lab.host, &options).unwrap());
    runs_in(&daemon, usual_mode(driver));
    assert_eq!(attached.is_interrupted(), interrupts, "{attached:?}");
    assert_eq!(daemon.log().contains("the driver interrupts traffic"), interrupts, "{}", daemon.log());
    let (exchanged, daemon) = seen(&lab, "exchange", || {
        stop(daemon);
        Daemon::start(&lab.host, &options).unwrap()
    });
    runs_in(&daemon, usual_mode(driver));
    assert!(!exchanged.is_interrupted(), "{exchanged:?}");
    let (detached, ()) = seen(&lab, "detach", || {
        stop(daemon);
        manager.stop();
    });
    assert_eq!(detached.is_interrupted(), interrupts, "{detached:?}");
}
