//! End to end: the packet rate up to the host's stack, and the cost of each packet, with our classifier and
//! with other ways to do its job.
//!
//! Each way has its own lab: two namespaces and a veth pair in native mode. A generator on the first
//! processor sends segments from listed sources. The host's end of the link receives on the last processor,
//! in a kernel thread whose processor time is the cost. The generator is faster than the receiver. A window
//! is repeated if the receiver was idle in it, or if other work had its processor. Each way that is not ours
//! has a do-nothing XDP program, so that all ways take the same path through the driver. A program that only
//! moves registers shows the cost of a program's length there.

mod host;
mod traffic;

use anyhow::{Result, ensure};

use self::{
    host::{Host, Way},
    traffic::Window,
};
use crate::{
    Effort,
    report::EndToEnd,
    rounds::{Stat, interleaved, processors},
    sets,
};

/// Measures all ways in turns; `None` if there is only one processor.
pub(crate) fn measure(effort: &Effort) -> Result<Option<Vec<EndToEnd>>> {
    if processors() < 2 {
        return Ok(None);
    }
    let ranges = sets::embedded()?.ranges;
    let hosts = Way::ALL.iter().map(|way| Host::new(*way, &ranges)).collect::<Result<Vec<_>>>()?;
    let mut windows = vec![Vec::new(); hosts.len()];
    let numbered: Vec<(usize, &Host)> = hosts.iter().enumerate().collect();
    interleaved(effort.windows, &numbered, |(number, host)| {
        let window = host.window(effort.window, effort.busy)?;
        windows[*number].push(window);
        Ok(window.received)
    })?;
    // The first window warms up.
    windows.iter_mut().for_each(|windows| _ = windows.remove(0));
    let nothing: Vec<f64> = windows[0].iter().map(|window| window.received).collect();
    hosts
        .iter()
        .zip(&windows)
        .map(|(host, windows)| summary(host, windows, &nothing))
        .collect::<Result<_>>()
        .map(Some)
}

/// Summarises one way, also relative to the rate of the do-nothing program in the same rounds.
fn summary(host: &Host, windows: &[Window], nothing: &[f64]) -> Result<EndToEnd> {
    let stat = |of: fn(&Window) -> f64| Stat::of(&windows.iter().map(of).collect::<Vec<_>>());
    let by_nothing: Vec<f64> =
        windows.iter().zip(nothing).map(|(window, nothing)| window.received / nothing).collect();
    let (received, counted) = (host.received()?, host.counted()?);
    if let Some(counted) = counted {
        // A packet for which the kernel had no memory was counted and did not arrive.
        ensure!(
            (received..=received + received / 1000).contains(&counted),
            "{}: {counted} packets were counted, {received} arrived",
            host.way.name()
        );
    }
    Ok(EndToEnd {
        way: host.way.name().to_owned(),
        packets_per_second: stat(|window| window.received)?,
        by_nothing: Stat::of(&by_nothing)?,
        nanoseconds_per_packet: stat(|window| window.cost)?,
        offered: stat(|window| window.sent / window.received)?,
    })
}
