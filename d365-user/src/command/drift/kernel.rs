//! The lists that the kernel holds: one for each program on this network namespace's interfaces.

use d365_common::entry::Entry;
use ipnet::IpNet;

use super::list::{Kind, List, Mark, Marks, Origin};
use crate::{
    command::text::counted,
    geo::GeoCode,
    kernel::{AttachedProgram, inspect},
};

/// The kernel's lists with their marks for `prefixes`.
pub(super) fn lists(prefixes: &[IpNet]) -> Vec<List> {
    let found = match inspect(prefixes) {
        Ok(found) => found,
        Err(error) => return vec![List::missing("kernel", Kind::Kernel, format!("not readable: {error}"))],
    };
    let mut lists: Vec<List> = found.attached.iter().map(list).collect();
    if lists.is_empty() {
        let why = "no program of d365-user is attached in this network namespace".to_owned();
        lists.push(List::missing("kernel", Kind::Kernel, why));
    }
    if let (Some(last), more @ 1..) = (lists.last_mut(), found.elsewhere) {
        let programs = counted(more, "more program");
        last.remarks.push(format!("{programs} in other network namespaces, or not attached: not compared"));
    }
    lists
}

fn list(program: &AttachedProgram) -> List {
    let mark = |(prefix, entry): &(IpNet, Entry)| {
        let geo = GeoCode::from_number(entry.geo());
        (*prefix, if entry.is_retired() { Mark::Retired(geo) } else { Mark::Listed(geo) })
    };
    let marks: Marks = program.entries.iter().map(mark).collect();
    let ranges = program.entries.len() + program.others;
    let mut remarks = Vec::new();
    if program.others > 0 {
        remarks.push(format!("{} of them in none of the other lists", program.others));
    }
    List {
        origins: vec![Origin { name: format!("program {}", program.program), ranges, ..Origin::default() }],
        others: program.others,
        ..List::new(&format!("kernel {}", program.interfaces.join(",")), Kind::Kernel, marks, remarks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entrys_bits_become_a_mark() {
        let nam = GeoCode::new("NAM").unwrap();
        let entries = [
            ("20.0.0.0/24", Entry::new(7, nam.number()).unwrap()),
            ("20.0.1.0/24", Entry::new(8, nam.number()).unwrap().retire()),
            ("20.0.2.0/24", Entry::new(9, 0).unwrap()),
        ];
        let entries = entries.map(|(prefix, entry)| (prefix.parse().unwrap(), entry));
        let interfaces = ["m0", "m1"].map(str::to_owned).to_vec();
        let list = list(&AttachedProgram { program: 3, interfaces, entries: entries.to_vec(), others: 2 });
        let marks: Vec<Mark> = list.marks.unwrap().into_values().collect();
        assert_eq!(marks, [Mark::Listed(Some(nam)), Mark::Retired(Some(nam)), Mark::Listed(None)]);
        assert_eq!((list.name.as_str(), list.others, list.origins[0].ranges), ("kernel m0,m1", 2, 5));
        assert_eq!(list.remarks, ["2 of them in none of the other lists"]);
    }
}
