//! The daemon at work, in the demo's own lab: SMTP sessions from every range, and the counters that result
//! from them.
//!
//! The demo must not touch an interface of the host. The lab is two network namespaces without names, which
//! this process holds. They, the daemon and the SMTP listener are gone when the process ends, also after an
//! error or Ctrl-C.

mod plan;
mod report;

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};
use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    frame::{ARP, Frame, Ipv4, Packet, Segment, Tcp, Udp},
    lab::Lab,
    mount::{Mount, View},
    raw::{FrameSender, Sniffed, Sniffer},
    scrape::Scrape,
    smtp::{Listener, Mail, deliver},
};

use self::plan::Plan;

/// The mail server's port.
const PORT: u16 = 25;

/// Runs `daemon` in the lab, sends mail through it, prints its counters, and compares them with the traffic
/// that was sent.
pub(crate) fn run(daemon: &Path) -> Result<()> {
    let plan = Plan::read()?;
    let lab = Lab::new()?;
    let link = lab.link();
    println!(
        "Lab: two network namespaces and a veth pair between them; this host's interfaces are left alone."
    );

    let addresses =
        [link.host_v4().into(), link.host_v6().into()].map(|ip: IpAddr| SocketAddr::new(ip, PORT));
    let listener = lab.host.run(|| Listener::bind(&addresses))?;
    // The daemon has its own view of the file systems.
    let view = View::new(&lab.host, &[Mount::Sysfs, Mount::Bpffs])?;
    let options = DaemonOptions { binary: Some(daemon.to_owned()), ..DaemonOptions::on(&[lab.iface()]) };
    let started = Instant::now();
    let daemon = Daemon::start(&lab.host, &options.view(&view)).context("the daemon did not start")?;
    let (took, mode) = (started.elapsed().as_millis(), report::mode(&daemon.scrape()?));
    println!("d365-user --iface {}: ready after {took} ms{mode}.", lab.iface());

    let (scrape, sniffed) =
        traffic(&lab, &plan, &daemon).with_context(|| format!("the daemon's log:\n{}", daemon.log()))?;
    let delivered = listener.stop().len();
    ensure!(delivered == plan.sessions(), "{delivered} mails arrived of {}", plan.sessions());
    println!(
        "{delivered} mails delivered in as many SMTP sessions, from {} addresses.\n",
        plan.senders.len()
    );

    report::print(&scrape, &plan);
    report::compare(&scrape, &plan, &sniffed)?;
    let exit = daemon.stop()?;
    ensure!(exit.status.success(), "the daemon ended with {}; its log:\n{}", exit.status, exit.stderr);
    Ok(())
}

/// Sends everything that the demo sends. Returns the counts of the daemon and of an independent capture
/// behind it.
fn traffic(lab: &Lab, plan: &Plan, daemon: &Daemon) -> Result<(Scrape, Sniffed)> {
    let sniffer = Sniffer::on(&lab.link().host)?;
    for sender in &plan.senders {
        lab.add_source(sender.address)?;
        let server = SocketAddr::new(lab.link().host_for(sender.address), PORT);
        let mail = Mail::new(format!("Subject: d365 demo\r\n\r\nfrom {}\r\n", sender.address));
        (0..sender.sessions).try_for_each(|_| lab.sender.run(|| deliver(sender.address, server, &mail)))?;
    }
    let raw = FrameSender::on(&lab.link().sender)?;
    odd_frames(lab).iter().try_for_each(|frame| raw.send(frame))?;
    // The stop waits until all frames have arrived.
    let sniffed = sniffer.stop()?;
    Ok((daemon.scrape()?, sniffed))
}

/// A few frames that are not mail, so that each reason has a count.
fn odd_frames(lab: &Lab) -> Vec<Frame> {
    let (source, host) = ([198, 51, 100, 7], lab.link().host_v4());
    let carrying = |segment: Segment| Frame::new(Ipv4::new(source, host).carrying(segment)).pad(60);
    let rest = Ipv4::new(source, host).fragment(100, false).carrying(Segment::raw(6, [0; 32]));
    vec![
        carrying(Tcp::new(40_000, 443).syn().into()),
        carrying(Udp::new(40_000, 53).into()),
        carrying(Segment::ping()),
        Frame::new(Packet::raw(ARP, [0; 28])).pad(60),
        Frame::new(rest),
        Frame::new(Ipv4::new(source, host).carrying(Tcp::new(40_000, PORT))).truncate(40),
    ]
}
