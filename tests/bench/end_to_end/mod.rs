//! End to end: how many packets a second get through to the host's stack, and what each costs, with our classifier and with
//! other ways to do its job.
//!
//! Each way has a lab of its own: two namespaces and a veth pair in native mode. A generator on the first processor sends
//! segments of listed sources; the host's end of the link receives on the last processor, in a kernel thread
//! whose processor time is the cost. The generator is faster than that, and a window in which the receiver was idle, or others had its
//! processor, is tried again.
//! Whatever is not ours runs behind a do-nothing XDP program: each way takes the same path through the driver. A program that only
//! moves registers shows what a program's length costs there.

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

/// Measures all ways by turns; `None` where there is but one processor.
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
    // The first warms up.
    windows.iter_mut().for_each(|windows| _ = windows.remove(0));
    let nothing: Vec<f64> = windows[0].iter().map(|window| window.received).collect();
    hosts
        .iter()
        .zip(&windows)
        .map(|(host, windows)| summary(host, windows, &nothing))
        .collect::<Result<_>>()
        .map(Some)
}

/// Of one way, by what a do-nothing program let through in the same rounds.
fn summary(host: &Host, windows: &[Window], nothing: &[f64]) -> Result<EndToEnd> {
    let stat = |of: fn(&Window) -> f64| Stat::of(&windows.iter().map(of).collect::<Vec<_>>());
    let by_nothing: Vec<f64> =
        windows.iter().zip(nothing).map(|(window, nothing)| window.received / nothing).collect();
    let (received, counted) = (host.received()?, host.counted()?);
    if let Some(counted) = counted {
        // What the kernel had no memory for was counted and did not arrive.
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
