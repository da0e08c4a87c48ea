//! A lab whose host does the job in one way, and counts the packets.

use std::{collections::BTreeSet, fs, time::Duration};

use anyhow::{Context as _, Result};
use aya::programs::Program;
use d365_common::{direct::DEFAULT_PAGES, mark::Mark};
use d365_tests::{
    lab::Lab,
    mount::{Mount, View},
};
use d365_user::{
    kernel::{Inherited, Interface, Options},
    ranges::Range,
    settings::{ModePolicy, Tags, TcOrder},
};
use nix::unistd::Pid;
use procfs::process::{Process, all_processes};

use super::traffic::{Traffic, Window, received};
use crate::{
    limit::{self, Limit},
    peers, programs,
    report::names,
    rounds::{pin, processors},
    subject::{CAPACITY, Subject},
};

/// The name of our own way without an XDP program. The report compares it with nothing.
const BY_TC: &str = "d365, --mode tc";
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
    OursByTc,
    Nftables,
    Ipset,
}

impl Way {
    pub(super) const ALL: [Self; 9] = [
        Self::Nothing,
        Self::Moves,
        Self::Limit,
        Self::LimitWithMark,
        Self::Ours,
        Self::OursWithMark,
        Self::OursByTc,
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
            Self::OursByTc => BY_TC,
            Self::Nftables => names::NFTABLES,
            Self::Ipset => names::IPSET,
        }
    }
}

/// The programs that do the job. They are removed before the lab, from inside the host's namespace.
enum Job {
    Ours { subject: Box<Subject>, _programs: Vec<Program> },
    Theirs { _programs: Vec<Program> },
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
            Way::Ours => ours(&lab, ranges, ModePolicy::Native, None),
            Way::OursWithMark => ours(&lab, ranges, ModePolicy::Native, Some(Mark::DEFAULT)),
            Way::OursByTc => ours(&lab, ranges, ModePolicy::Tc, None),
            Way::Moves => theirs(vec![programs::moves(MOVES.0)?], &lab),
            Way::Limit => theirs(vec![Limit::new(ranges, false)?.program], &lab),
            Way::LimitWithMark => {
                theirs(vec![Limit::new(ranges, false)?.program, limit::marking(ranges)?], &lab)
            }
            Way::Nothing | Way::Nftables | Way::Ipset => theirs(vec![programs::floor(false)?], &lab),
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
            (_, Some(Job::Ours { subject, .. })) => Some(subject.listed()?),
            _ => None,
        })
    }
}

/// Other programs, on the host's interface.
fn theirs(mut own: Vec<Program>, lab: &Lab) -> Result<Job> {
    own.iter_mut().try_for_each(|program| programs::attach(program, lab.iface()))?;
    Ok(Job::Theirs { _programs: own })
}

/// Attaches our own programs as the daemon does.
fn ours(lab: &Lab, ranges: &[Range], mode: ModePolicy, mark: Option<Mark>) -> Result<Job> {
    let interface = Interface::find(lab.iface())?;
    let options = Options {
        interfaces: vec![interface.clone()],
        ports: vec![25],
        capacity: CAPACITY,
        max_pages: DEFAULT_PAGES,
        tags: Tags { mark, ..Tags::default() },
        ..Options::default()
    };
    let mut subject = Subject::published(&options, ranges)?;
    subject.kernel.attach(&interface, mode, TcOrder::First, &mut Inherited::default())?;
    if mark.is_some() {
        subject.kernel.attach_tagger(&interface, TcOrder::First, &mut Inherited::default())?;
    }
    // Without an XDP program the veth pair has no thread of its own that receives.
    let mut nothing = if mode == ModePolicy::Tc { vec![programs::floor(false)?] } else { Vec::new() };
    nothing.iter_mut().try_for_each(|program| programs::attach(program, lab.iface()))?;
    Ok(Job::Ours { subject: Box::new(subject), _programs: nothing })
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
    let is_poller = |process: &Process| process.stat().is_ok_and(|stat| stat.comm.starts_with("napi/"));
    let processes = all_processes()?.filter_map(Result::ok).filter(is_poller);
    Ok(processes.map(|process| process.pid).collect())
}
