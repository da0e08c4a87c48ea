//! `docs/drivers.md` agrees with the table that `doctor` and the log use.

use std::{fs, path::Path};

use d365_user::kernel::survey::{DRIVERS, Driver, Release};

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/drivers.md");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn release(release: Option<Release>) -> String {
    release.map_or("no".to_owned(), |(major, minor)| format!("{major}.{minor}"))
}

/// The row of a driver without its last cell.
fn row(driver: &Driver) -> String {
    let Driver { name, native, frags, interrupts, one_buffer, .. } = *driver;
    let interrupts = if interrupts { "yes" } else { "no" };
    let one_buffer = one_buffer.map_or(String::new(), |mtu| format!("{mtu} "));
    format!("| `{name}` | {} | {} | {interrupts} | {one_buffer}|", release(native), release(frags))
}

#[test]
fn the_page_has_each_driver_as_the_program_knows_it() {
    let page = page();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(rows.len(), DRIVERS.len());
    for (driver, line) in DRIVERS.iter().zip(rows) {
        let last =
            line.strip_prefix(&row(driver)).unwrap_or_else(|| panic!("{line}\nis not {}", row(driver)));
        assert_eq!(last.contains("the driver switches it off"), driver.ends_lro, "{line}");
    }
}

/// A condition that `doctor` shows is explained in the driver's own section.
#[test]
fn each_driver_has_its_section() {
    let page = page();
    for driver in DRIVERS {
        let heading = |line: &str| line.starts_with("### ") && line.contains(driver.name);
        let item = format!("- **{}**", driver.name);
        assert!(page.lines().any(|line| heading(line) || line.starts_with(&item)), "{}", driver.name);
    }
}
