//! The row of each interface in the counters. Pure.

/// Gives a row to each interface: its row in an earlier daemon's counters, otherwise one that no interface
/// needs any more. `kept` are the names of the rows, at least as many as there are interfaces. Returns the
/// names of the rows; a row without an interface has an empty one.
pub(crate) fn assign_rows(kept: &[String], interfaces: &[String]) -> Vec<String> {
    let mut others = interfaces.iter().filter(|name| !kept.contains(name));
    let rows = kept.iter().map(|name| if interfaces.contains(name) { Some(name) } else { others.next() });
    rows.map(|name| name.cloned().unwrap_or_default()).collect()
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
        assert_eq!(rows(&names("mx0 mx1 mx2"), "mx2"), "  mx2", "free rows have no name");
        assert_eq!(rows(&[String::new(), "mx0".to_owned(), String::new()], "mx1 mx0"), "mx1 mx0 ");
    }
}
