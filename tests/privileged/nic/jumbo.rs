//! Large frames: in several buffers where the driver gives them to programs, else by tc.

use anyhow::Result;
use d365_tests::{
    frame::{Frame, Packet, Tcp},
    lab::Lab,
    raw::{FrameSender, Sniffed, Sniffer},
    require,
    veth::wait_for_carrier,
};
use d365_user::exit::Exit;

use super::{described, lab, runs_in, start, usual_mode};
use crate::{
    bad_input::refused,
    doctor::doctor,
    mail::{compare, embedded},
    steps::{on, stop},
};

const JUMBO: u32 = 9000;

/// Starts a daemon, which must run in this mode, and sends frames of up to the MTU.
fn counted_to_the_byte(lab: &Lab, mtu: u32, mode: &str) {
    let daemon = start(lab, &[]);
    runs_in(&daemon, mode);
    let arrived = arrive(lab, mtu);
    compare(&daemon.scrape().unwrap(), lab.iface(), &embedded(), &arrived);
    stop(daemon);
}

/// Sends frames of up to the MTU, which all arrive.
fn arrive(lab: &Lab, mtu: u32) -> Sniffed {
    let sender = FrameSender::on(&lab.link().sender).unwrap();
    let sniffer = Sniffer::on(&lab.link().host).unwrap();
    let host = lab.link().host_v4().into();
    // IPv4 and TCP take 40 bytes.
    let largest = usize::try_from(mtu).unwrap() - 40;
    let sizes = [0, 1400, 1460, 2000, 3000, 3500, 4000, 8000, largest];
    let fitting: Vec<_> = sizes.into_iter().filter(|size| *size <= largest).collect();
    for size in &fitting {
        let segment = Tcp::new(40_000, 25).payload(vec![b'x'; *size]);
        sender.send(&Frame::new(Packet::between([13, 71, 171, 9].into(), host, segment))).unwrap();
    }
    let arrived = sniffer.stop().unwrap();
    assert_eq!(arrived.all().packets, fitting.len() as u64, "MTU {mtu}");
    arrived
}

/// Sets the MTU of the card, if its driver allows it, and then that of the far end.
fn set_mtu(lab: &Lab, mtu: u32) -> Result<()> {
    for end in [&lab.link().host, &lab.link().sender] {
        end.netns.ip(&["link", "set", "dev", &end.name, "mtu", &mtu.to_string()])?;
        wait_for_carrier(end)?;
    }
    Ok(())
}

/// The description has the largest MTU for native mode; above it, the daemon takes tc, as `doctor` foretells.
#[test]
fn large_frames_are_counted_to_the_byte() {
    require!(Root, Nic, Tool("ip"), Daemon);
    let driver = described();
    let one_buffer = driver.one_buffer.unwrap();
    let lab = lab(one_buffer);
    counted_to_the_byte(&lab, one_buffer, usual_mode(driver));
    for mtu in [one_buffer + 1, JUMBO] {
        set_mtu(&lab, mtu).unwrap();
        let report = doctor(&lab.host, lab.iface());
        let (level, mode) = if driver.frags.is_some() { ("ok", "native") } else { ("warning", "tc") };
        assert_eq!(report.of("mtu", Some(lab.iface())).0, level, "MTU {mtu}");
        assert_eq!(report.of("native", Some(lab.iface())).0, level, "MTU {mtu}");
        counted_to_the_byte(&lab, mtu, mode);
        if driver.frags.is_none() {
            let options = on(&lab, &["--mode", "native"]);
            refused(&lab.host, &options, Exit::Attach, &[lab.iface(), "native"]);
        }
    }
}

/// A driver gives the program all frames of a larger MTU, or refuses it while a native program runs.
#[test]
fn a_larger_mtu_while_the_program_runs_costs_no_frame() {
    require!(Root, Nic, Tool("ip"), Daemon);
    let (driver, mode) = (described(), usual_mode(described()));
    let lab = lab(1500);
    let daemon = start(&lab, &[]);
    runs_in(&daemon, mode);
    let is_taken = set_mtu(&lab, JUMBO).is_ok();
    assert_eq!(is_taken, driver.frags.is_some() || mode == "tc");
    arrive(&lab, if is_taken { JUMBO } else { 1500 });
    runs_in(&daemon, mode);
    stop(daemon);
}
