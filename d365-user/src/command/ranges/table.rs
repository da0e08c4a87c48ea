//! The ranges and geos for people: a line about the whole, then a row for each. The daemon can read the table
//! of ranges as a list (`source::plain`): its first line is a comment, its second names the columns. Pure.

use super::rows::{Geos, Ranges};
use crate::command::text::{aligned, counted};

pub(super) fn ranges(list: &Ranges) -> String {
    let mut head = format!("# embedded: {}", counted(list.ranges.len(), "range"));
    head.push_str(&list.date.as_ref().map(|date| format!(", {date}")).unwrap_or_default());
    head.push_str(&list.change_number.map(|number| format!(", change number {number}")).unwrap_or_default());
    let header = ["prefix", "geo", "geo source", "region", "mark"].map(str::to_owned).to_vec();
    let rows = list.ranges.iter().map(|row| {
        let region = row.region.clone().unwrap_or_else(|| "–".to_owned());
        vec![row.prefix.clone(), row.geo.clone(), row.geo_source.to_owned(), region, row.mark.to_string()]
    });
    let rows: Vec<_> = std::iter::once(header).chain(rows).collect();
    format!("{head}; marks of {}\n\n{}", list.mark, aligned(&rows))
}

pub(super) fn geos(list: &Geos) -> String {
    let header = ["number", "code", "mark", "name"].map(str::to_owned).to_vec();
    let rows = list.geos.iter().map(|row| {
        let code = row.code.unwrap_or("–").to_owned();
        vec![row.number.to_string(), code, row.mark.to_string(), row.name.to_owned()]
    });
    let rows: Vec<_> = std::iter::once(header).chain(rows).collect();
    format!("marks of {}\n\n{}", list.mark, aligned(&rows))
}
