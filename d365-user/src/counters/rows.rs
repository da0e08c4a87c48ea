//! The row of each interface in the counters. Pure.

use crate::snapshot::UNKNOWN_INTERFACE;

/// The names of the rows for these interfaces. With more than one, the last row is that of packets which name
/// no watched interface.
pub(crate) fn row_names(interfaces: &[String]) -> Vec<String> {
    let unknown = (interfaces.len() > 1).then(|| UNKNOWN_INTERFACE.to_owned());
    interfaces.iter().cloned().chain(unknown).collect()
}

/// Gives a row to each interface: its row in an earlier daemon's counters, otherwise one that no interface
/// needs any more. `kept` are the names of the rows, as many as there are interfaces. Returns the interfaces
/// in the order of the rows.
pub(crate) fn assign_rows(kept: &[String], interfaces: &[String]) -> Vec<String> {
    let mut others = interfaces.iter().filter(|name| !kept.contains(name));
    let rows = kept.iter().map(|name| if interfaces.contains(name) { Some(name) } else { others.next() });
    rows.flatten().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_keeps_its_row_and_a_new_one_gets_a_row_that_is_free() {
        let names = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let rows = |kept: &[String], interfaces| assign_rows(kept, &names(interfaces)).join(" ");
        assert_eq!(rows(&[String::new(), String::new()], "mx0 mx1"), "mx0 mx1");
        assert_eq!(rows(&names("mx0 mx1"), "mx1 mx0"), "mx0 mx1");
        assert_eq!(rows(&names("mx0 mx1 mx2"), "mx3 mx2 mx4"), "mx3 mx4 mx2");
        assert_eq!(row_names(&names("mx0")), names("mx0"));
        assert_eq!(row_names(&names("mx0 mx1")).last().unwrap(), UNKNOWN_INTERFACE);
    }
}
