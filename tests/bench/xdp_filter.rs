//! xdp-filter of xdp-tools, loaded by its own tool in its own namespace, and found by its id.
//!
//! It runs as on a real interface, after libxdp's dispatcher: `BPF_PROG_TEST_RUN` runs that dispatcher.

use std::process::Command;

use anyhow::{Context as _, Result};
use aya::programs::Program;
use d365_tests::{
    lab::Lab,
    mount::{Mount, View},
};
use d365_user::kernel::Interface;
use ipnet::IpNet;

use crate::{bpf, sets};

const COMMANDS: &str = include_str!("peers/xdp-filter.commands");

/// The loaded filter, removed with its namespace.
pub(crate) struct XdpFilter {
    pub(crate) program: Program,
    _lab: Lab,
    _view: View,
}

impl XdpFilter {
    /// Loads the filter and configures one address of each range of the embedded list, because it has no
    /// prefixes.
    pub(crate) fn load() -> Result<Self> {
        let lab = Lab::new()?;
        let view = View::new(&lab.host, &[Mount::Sysfs, Mount::Bpffs, Mount::EmptyRun])?;
        let ranges = sets::embedded()?.ranges;
        for line in COMMANDS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let line = line.replace("IFACE", lab.iface());
            if line.contains("ADDRESS") {
                for address in ranges.iter().map(|range| range.prefix).map(|prefix: IpNet| prefix.network()) {
                    run(&lab, &view, &line.replace("ADDRESS", &address.to_string()))?;
                }
            } else {
                run(&lab, &view, &line)?;
            }
        }
        let xdp =
            lab.host.run(|| Interface::find(lab.iface())?.xdp())?.context("xdp-filter is not attached")?;
        Ok(Self { program: Program::Xdp(bpf::xdp_by_id(xdp.program)?), _lab: lab, _view: view })
    }
}

fn run(lab: &Lab, view: &View, line: &str) -> Result<()> {
    let mut command = Command::new("xdp-filter");
    command.args(line.split_whitespace());
    view.give_to(&mut command);
    lab.host.output(&mut command)?;
    Ok(())
}
