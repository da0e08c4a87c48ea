//! A lab whose host does the job in one way, and counts the packets.

use std::{collections::BTreeSet, fs, time::Duration};

use anyhow::{Context as _, Result};
use d365_common::{direct::DEFAULT_PAGES, mark::Mark};
use d365_tests::{
    bpf::{Link, Program},
    lab::Lab,
    mount::{Mount, View},
};
use d365_user::{
    generation,
    kernel::{Counters, Interface, Kernel, OBJECT, Options},
    ranges::Range,
    settings::{ModePolicy, Tags, TcOrder},
};
use nix::unistd::Pid;

use super::traffic::{Traffic, Window, received};
use crate::{
    limit::{self, Limit},
    peers, programs,
    report::names,
    rounds::{pin, processors},
};

const CAPACITY: u32 = 4096;
/// About the number of instructions that our own program has for a packet to another port.
const MOVES: (u32, &str) = (160, "160 register moves");

/// A way to do the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Nothing,
    Moves,
    Limit,
    LimitWithMark,
    Ours,
    OursWithMark,
    Nftables,
    Ipset,
}

impl Way {
    pub(super) const ALL: [Self; 8] = [
        Self::Nothing,
        Self::Moves,
        Self::Limit,
        Self::LimitWithMark,
        Self::Ours,
        Self::OursWithMark,
        Self::Nftables,
        Self::Ipset,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nothing => names::NOTHING,
            Self::Moves => MOVES.1,
            Self::Limit => names::LIMIT,
            Self::LimitWithMark => names::LIMIT_MARK,
            Self::Ours => names::OWN,
            Self::OursWithMark => names::OWN_MARK,
            Self::Nftables => names::NFTABLES,
            Self::Ipset => names::IPSET,
        }
    }
}

/// The programs that do the job. They are removed before the lab, from inside the host's namespace.
enum Job {
    Ours { _kernel: Box<Kernel>, counters: Box<Counters>, slots: Vec<u32> },
    Theirs { _programs: Vec<Link> },
}

/// A host, its sender, and the kernel thread that receives.
pub(super) struct Host {
    pub(super) way: Way,
    job: Option<Job>,
    traffic: Traffic,
    lab: Lab,
}

impl Drop for Host {
    fn drop(&mut self) {
        let job = self.job.take();
        self.lab.host.run(|| drop(job));
    }
}

impl Host {
    pub(super) fn new(way: Way, ranges: &[Range]) -> Result<Self> {
        let lab = Lab::new()?;
        let job = lab.host.run(|| match way {
            Way::Ours => ours(&lab, ranges, None),
            Way::OursWithMark => ours(&lab, ranges, Some(Mark::DEFAULT)),
            Way::Moves => theirs(&[&programs::moves(MOVES.0)?], &lab),
            Way::Limit => theirs(&[&Limit::new(ranges, false)?.program], &lab),
            Way::LimitWithMark => {
                theirs(&[&Limit::new(ranges, false)?.program, &limit::marking(ranges)?], &lab)
            }
            Way::Nothing | Way::Nftables | Way::Ipset => theirs(&[&programs::floor(false)?], &lab),
        })?;
        match way {
            Way::Nftables => peers::load_nftables(&lab.host, ranges)?,
            Way::Ipset => peers::load_ipset(&lab.host, ranges)?,
            _ => {}
        }
        let traffic = Traffic::new(&lab, ranges, receiver(&lab)?)?;
        Ok(Self { way, job: Some(job), traffic, lab })
    }

    /// Sends for a window of this length, in which the receiver must work for at least the fraction `busy`.
    pub(super) fn window(&self, length: Duration, busy: f64) -> Result<Window> {
        self.traffic.window(&self.lab, length, busy)
    }

    /// Number of packets that the host's stack has received.
    pub(super) fn received(&self) -> Result<u64> {
        received(&self.lab.host)
    }

    /// Number of packets that were counted as listed; `None` if this way does not count.
    pub(super) fn counted(&self) -> Result<Option<u64>> {
        Ok(match (self.way, &self.job) {
            (Way::Nftables, _) => Some(peers::counted_by_nftables(&self.lab.host)?),
            (Way::Ipset, _) => Some(peers::counted_by_ipset(&self.lab.host)?),
            (_, Some(Job::Ours { counters, slots, .. })) => {
                let rows = counters.read(slots)?;
                Some(rows.iter().flat_map(|row| &row.ranges).map(|count| count.packets).sum())
            }
            _ => None,
        })
    }
}

/// Other programs, on the host's interface.
fn theirs(programs: &[&Program], lab: &Lab) -> Result<Job> {
    let links = programs.iter().map(|program| program.attach(lab.iface()));
    Ok(Job::Theirs { _programs: links.collect::<Result<_>>()? })
}

/// Attaches our own programs as the daemon does.
fn ours(lab: &Lab, ranges: &[Range], mark: Option<Mark>) -> Result<Job> {
    let interface = Interface::find(lab.iface())?;
    let options = Options {
        interfaces: vec![interface.clone()],
        ports: vec![25],
        capacity: CAPACITY,
        max_pages: DEFAULT_PAGES,
        tags: Tags { mark, ..Tags::default() },
        ..Options::default()
    };
    let (mut kernel, counters) = Kernel::load(OBJECT, &options)?;
    let slots: Vec<u32> = (0..u32::try_from(ranges.len())?).collect();
    kernel.publish(&generation::compile(ranges, &slots, CAPACITY)?)?;
    kernel.set_lease(None)?;
    kernel.attach(&interface, ModePolicy::Native)?;
    if mark.is_some() {
        kernel.attach_tagger(&interface, TcOrder::First)?;
    }
    Ok(Job::Ours { _kernel: Box::new(kernel), counters: Box::new(counters), slots })
}

/// Makes the host's end receive in its own kernel thread on the last processor
/// (Documentation/networking/napi.rst), and returns that thread.
fn receiver(lab: &Lab) -> Result<Pid> {
    let before = pollers()?;
    let view = View::new(&lab.host, &[Mount::Sysfs])?;
    let switch = format!("/sys/class/net/{}/threaded", lab.iface());
    lab.host
        .run(|| view.run(|| fs::write(&switch, "1")))
        .with_context(|| format!("cannot write to {switch}"))?;
    let new = pollers()?.difference(&before).next().copied().context("no receiving thread (Linux 5.12)")?;
    let thread = Pid::from_raw(new);
    pin(thread, processors() - 1)?;
    Ok(thread)
}

/// The kernel's threads that receive from an interface.
fn pollers() -> Result<BTreeSet<i32>> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let is_poller =
            fs::read_to_string(entry.path().join("comm")).is_ok_and(|name| name.starts_with("napi/"));
        found.extend(is_poller.then_some(pid));
    }
    Ok(found)
}
