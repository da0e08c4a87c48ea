//! Costs of the daemon: start, scrape, memory, and processor time while it is idle.

use std::{
    fmt::Write as _,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use d365_tests::{
    daemon::{DEFAULT_LISTEN, Daemon, DaemonOptions},
    http,
    lab::{Lab, LabOptions},
    mount::{Mount, View},
    temp::TempFile,
};
use d365_user::kernel::Interface;
use procfs::process::Process;

use crate::{
    Effort,
    report::{DaemonCost, Daemons},
    rounds::Stat,
};

/// Number of interfaces that the daemon watches.
const LINKS: u8 = 2;
/// Number of ranges in the long list.
const MANY: u32 = 10_000;
/// Time between two checks for the program on an interface.
const LOOK: Duration = Duration::from_micros(500);
const PATIENCE: Duration = Duration::from_secs(60);

/// Measures the daemon with the embedded list and with a long one.
pub(crate) fn measure(effort: &Effort) -> Result<Daemons> {
    let lab = Lab::with(LabOptions { links: LINKS, ..LabOptions::default() })?;
    let file = TempFile::new("many-ranges", many());
    let list = format!("file:{}", file.path().display());
    let capacity = (2 * MANY).to_string();
    let embedded = cost(effort, &lab, &[])?;
    let many = cost(effort, &lab, &["--ranges", &list, "--max-ranges", &capacity, "--range-metrics", "on"])?;
    ensure!(many.ranges == MANY as usize, "the daemon has {} ranges of {MANY}", many.ranges);
    Ok(Daemons { embedded, many })
}

/// Prefixes that cannot be merged: the first half of every /24 from 20.0.0.0 on.
fn many() -> String {
    (0..MANY).fold(String::new(), |mut text, number| {
        let [_, a, b, c] = number.to_be_bytes();
        let _ = writeln!(text, "{}.{b}.{c}.0/25,NAM", 20 + a);
        text
    })
}

fn cost(effort: &Effort, lab: &Lab, arguments: &[&str]) -> Result<DaemonCost> {
    let view = View::new(&lab.host, &[Mount::Sysfs, Mount::Bpffs])?;
    let interfaces: Vec<&str> = lab.links.iter().map(|link| link.host.name.as_str()).collect();
    let mut starts = Vec::new();
    for _ in 0..effort.lists {
        let options = DaemonOptions::on(&interfaces).args(arguments.iter().copied()).view(&view);
        let (daemon, started) = start(lab, &options, &interfaces)?;
        starts.push(started);
        daemon.stop()?;
    }
    let options = DaemonOptions::on(&interfaces).args(arguments.iter().copied()).view(&view);
    let daemon = Daemon::start(&lab.host, &options)?;
    let scrape = daemon.scrape()?;
    let ranges: Vec<_> = scrape.select("d365_range_packets_total", &[("iface", interfaces[0])]).collect();
    let scrapes = Stat::of(&scrapes(effort, lab)?)?;
    let idle_percent = idle(&daemon, effort.idle)?;
    let resident_bytes = resident(&daemon)?;
    let cost = DaemonCost {
        ranges: ranges.len(),
        start_ms: Stat::of(&starts)?,
        scrape_ms: scrapes,
        resident_bytes,
        idle_percent,
    };
    daemon.stop()?;
    Ok(cost)
}

/// Starts the daemon and waits until the program is on all interfaces. Returns the milliseconds until then.
fn start(lab: &Lab, options: &DaemonOptions, interfaces: &[&str]) -> Result<(Daemon, f64)> {
    let since = Instant::now();
    let mut daemon = Daemon::spawn(&lab.host, options)?;
    let attached = lab.host.run(|| -> Result<Duration> {
        for name in interfaces {
            let interface = Interface::find(name)?;
            while interface.xdp()?.is_none() {
                ensure!(since.elapsed() < PATIENCE, "not attached; the daemon's log:\n{}", daemon.log());
                thread::sleep(LOOK);
            }
        }
        Ok(since.elapsed())
    })?;
    daemon.wait_until_ready(PATIENCE)?;
    Ok((daemon, attached.as_secs_f64() * 1e3))
}

/// Milliseconds of each scrape, connection included.
fn scrapes(effort: &Effort, lab: &Lab) -> Result<Vec<f64>> {
    lab.host.run(|| {
        let mut times = Vec::new();
        for _ in 0..effort.scrapes {
            let since = Instant::now();
            let response = http::get(DEFAULT_LISTEN, "/metrics", &[("Accept", "text/plain")])?;
            times.push(since.elapsed().as_secs_f64() * 1e3);
            ensure!(response.status == 200, "/metrics answers {}", response.status);
        }
        Ok(times)
    })
}

/// Percentage of one processor that the idle daemon uses.
#[expect(clippy::cast_precision_loss, reason = "far below 2^53 ns")]
fn idle(daemon: &Daemon, length: Duration) -> Result<f64> {
    thread::sleep(Duration::from_millis(500));
    let (since, before) = (Instant::now(), processor_time(daemon)?);
    thread::sleep(length);
    let spent = processor_time(daemon)?.saturating_sub(before);
    Ok(spent as f64 / since.elapsed().as_nanos() as f64 * 100.0)
}

/// Processor time of all threads of the daemon in nanoseconds.
fn processor_time(daemon: &Daemon) -> Result<u64> {
    let tasks = process(daemon)?.tasks()?;
    tasks.map(|task| Ok(task?.schedstat()?.sum_exec_runtime)).sum()
}

/// Resident memory of the daemon in bytes.
fn resident(daemon: &Daemon) -> Result<u64> {
    Ok(process(daemon)?.status()?.vmrss.context("no VmRSS")? * 1024)
}

fn process(daemon: &Daemon) -> Result<Process> {
    Ok(Process::new(daemon.pid().try_into()?)?)
}
