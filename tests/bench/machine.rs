//! The machine of the measurements.

use std::{fs, time::SystemTime};

use anyhow::Result;
use d365_user::version;
use procfs::{CpuInfo, Current as _, LoadAverage};
use serde::{Deserialize, Serialize};

use crate::rounds::processors;

/// The machine, the kernel, the day and the commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) processors: usize,
    /// True if the processor reports that the machine is virtual.
    pub(crate) is_virtual: bool,
    pub(crate) kernel: String,
    /// The kernel's mitigations of Spectre v2 and of return stack overflow: they add to the cost of calls and
    /// returns.
    pub(crate) spectre_v2: String,
    pub(crate) spec_rstack_overflow: String,
    pub(crate) date: String,
    pub(crate) revision: String,
    /// Load average over one minute at the start. Above half of the number of processors, other work
    /// disturbed the run.
    pub(crate) load: f64,
}

impl Machine {
    pub(crate) fn look() -> Result<Self> {
        let processor = CpuInfo::current()?;
        let text =
            |path: &str| fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default();
        let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        Ok(Self {
            processor: processor.model_name(0).unwrap_or(std::env::consts::ARCH).to_owned(),
            processors: processors(),
            is_virtual: processor.flags(0).is_some_and(|flags| flags.contains(&"hypervisor")),
            kernel: text("/proc/sys/kernel/osrelease"),
            spectre_v2: text("/sys/devices/system/cpu/vulnerabilities/spectre_v2"),
            spec_rstack_overflow: text("/sys/devices/system/cpu/vulnerabilities/spec_rstack_overflow"),
            date: now[..10].to_owned(),
            revision: version::REVISION.to_owned(),
            // The kernel gives two decimals. A longer number may come back from a report with another value.
            load: (f64::from(LoadAverage::current()?.one) * 100.0).round() / 100.0,
        })
    }
}
