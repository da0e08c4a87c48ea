//! The lists that the kernel holds: one for each program on this network namespace's interfaces.

use ipnet::IpNet;

use super::{List, Origin};
use crate::{
    command::text::counted,
    kernel::{Held, inspect},
    ranges::{
        GeoCode,
        drift::{Mark, Marks},
    },
};

/// What the kernel holds of `prefixes`.
pub(super) fn lists(prefixes: &[IpNet]) -> Vec<List> {
    let inspection = match inspect(prefixes) {
        Ok(inspection) => inspection,
        Err(error) => return vec![List::missing("kernel", format!("not readable: {error}"))],
    };
    let mut lists: Vec<List> = inspection.attached.iter().map(list).collect();
    if lists.is_empty() {
        let why = "no program of d365-user is attached in this network namespace".to_owned();
        lists.push(List::missing("kernel", why));
    }
    if let (Some(last), more @ 1..) = (lists.last_mut(), inspection.elsewhere) {
        let programs = counted(more, "more program");
        last.remarks.push(format!("{programs} in other network namespaces, or not attached: not compared"));
    }
    lists
}

fn list(held: &Held) -> List {
    let mark = |(prefix, entry): &(IpNet, d365_common::entry::Entry)| {
        let geo = GeoCode::from_number(entry.geo());
        (*prefix, if entry.is_retired() { Mark::Retired(geo) } else { Mark::Listed(geo) })
    };
    let marks: Marks = held.entries.iter().map(mark).collect();
    let ranges = held.entries.len() + held.others;
    let mut remarks = Vec::new();
    if held.others > 0 {
        remarks.push(format!("{} of them in none of the other lists", held.others));
    }
    List {
        origins: vec![Origin { name: format!("program {}", held.program), ranges, ..Origin::default() }],
        others: held.others,
        ..List::new(&format!("kernel {}", held.interfaces.join(",")), marks, remarks)
    }
}
