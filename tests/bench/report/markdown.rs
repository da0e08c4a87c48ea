//! The report as tables in Markdown.

use super::{DaemonCost, Report, Scale, names};
use crate::rounds::Stat;

impl Report {
    /// The whole report as text.
    pub(crate) fn markdown(&self) -> String {
        let missing = self.missing.iter().map(|what| format!("Not measured: {what}.\n\n"));
        let quick =
            self.is_quick.then(|| "A quick run: few and short rounds, not to be quoted.\n\n".to_owned());
        let floor = self.floor();
        let notes = quick.into_iter().chain(missing).collect::<String>();
        format!(
            "{}\n\n{notes}## Packets\n\nNanoseconds above a do-nothing XDP program, median and spread.\n\n{}\n## Programs\n\n{}\n\
             ## Scaling\n\n{floor}\n\n{}\n{}\n## End to end\n\n{floor}\n\n{}\n## Daemon\n\n{}",
            self.machine(),
            self.packets(),
            self.programs(),
            self.scaling(),
            self.preparation(),
            self.ways(),
            self.daemon()
        )
    }

    fn machine(&self) -> String {
        let machine = &self.machine;
        let kind = if machine.is_virtual { "virtual machine, " } else { "" };
        format!(
            "{}, commit {}: {kind}{} × {}, Linux {}, load {:.1}; Spectre v2: {}; return stack overflow: {}",
            machine.date,
            machine.revision,
            machine.processors,
            machine.processor,
            machine.kernel,
            machine.load,
            machine.spectre_v2,
            machine.spec_rstack_overflow
        )
    }

    /// The costs on this machine to which all other costs must be compared.
    fn floor(&self) -> String {
        let Some(packet) = self.packets.first() else { return String::new() };
        let call =
            self.cost(&packet.name, names::HELPER).map_or("–".to_owned(), |call| spread(&call.above_floor));
        format!(
            "Here a do-nothing program takes {} ns, and a call of a helper {call} ns.",
            spread(&packet.floor)
        )
    }

    fn packets(&self) -> String {
        let mut programs: Vec<&str> = Vec::new();
        for cost in self.packets.iter().flat_map(|packet| &packet.costs) {
            if !programs.contains(&cost.program.as_str()) {
                programs.push(&cost.program);
            }
        }
        let rows = self.packets.iter().map(|packet| {
            let cost = |program| packet.costs.iter().find(|cost| cost.program == program);
            let costs = programs
                .iter()
                .map(|name| cost(*name).map_or("–".to_owned(), |cost| spread(&cost.above_floor)));
            [packet.name.clone(), spread(&packet.floor)].into_iter().chain(costs).collect()
        });
        table(["packet", "floor"].into_iter().chain(programs.iter().copied()), rows)
    }

    fn programs(&self) -> String {
        let rows = self.programs.iter().map(|program| {
            vec![program.name.clone(), program.verified.to_string(), program.machine_code.to_string()]
        });
        table(["program", "instructions the verifier looked at", "bytes of machine code"], rows)
    }

    fn scaling(&self) -> String {
        let rows = self.scaling.iter().flat_map(|scale| {
            scale.costs.iter().map(|cost| {
                vec![
                    list(scale),
                    cost.program.clone(),
                    spread(&cost.one_source),
                    spread(&cost.any_source),
                    format!("{:.1} MiB", mib(scale.memory)),
                ]
            })
        });
        table(["list", "program", "one source, ns", "any source, ns", "memory of all maps"], rows)
    }

    fn preparation(&self) -> String {
        let rows = self.scaling.iter().map(|scale| {
            let own = &scale.preparation;
            let times = [&own.compile, &own.build, &own.prove, &own.publish, &own.whole];
            [list(scale)].into_iter().chain(times.map(|time| format!("{:.1}", time.median))).collect()
        });
        table(["list, ms", "compile", "build", "prove", "publish", "whole"], rows)
    }

    fn ways(&self) -> String {
        let rows = self.end_to_end.iter().map(|way| {
            vec![
                way.way.clone(),
                format!("{:.0}", way.packets_per_second.median / 1e3),
                format!("{:.3}", way.by_nothing.median),
                spread(&way.nanoseconds_per_packet),
                format!("{:.0} %", way.packets_per_second.median * way.nanoseconds_per_packet.median / 1e7),
                format!("{:.2}", way.offered.median),
            ]
        });
        table(
            [
                "way",
                "thousand packets/s",
                "by do-nothing",
                "processor time, ns a packet",
                "receiver busy",
                "sent for each received",
            ],
            rows,
        )
    }

    fn daemon(&self) -> String {
        let row = |daemon: &DaemonCost| {
            vec![
                format!("{} ranges, 2 interfaces", daemon.ranges),
                spread(&daemon.start_ms),
                spread(&daemon.scrape_ms),
                format!("{:.1} MiB", mib(daemon.resident_bytes)),
                format!("{:.3} %", daemon.idle_percent),
            ]
        };
        let rows = [row(&self.daemon.embedded), row(&self.daemon.many)];
        table(["daemon", "start to attached, ms", "scrape, ms", "resident", "idle"], rows)
    }
}

fn list(scale: &Scale) -> String {
    format!("{} ({})", scale.ranges, scale.name)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Median, least and most.
fn spread(stat: &Stat) -> String {
    format!("{:.1} ({:.1}–{:.1})", stat.median, stat.least, stat.most)
}

fn table<'a>(head: impl IntoIterator<Item = &'a str>, rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let head: Vec<&str> = head.into_iter().collect();
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
    for row in rows {
        text += &format!("| {} |\n", row.join(" | "));
    }
    text
}
