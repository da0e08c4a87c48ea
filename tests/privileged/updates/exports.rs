//! The directory of `--export` follows the published list, and a failure costs the daemon nothing.

use std::{fs, os::unix::fs::PermissionsExt as _};

use d365_tests::{require, temp::TempDir};

use super::site::wait_until;
use crate::steps::{ListFile, lines, start, stop, until};
use d365_tests::lab::Lab;

#[test]
fn files_are_written_after_each_publication_and_failures_are_counted() {
    require!(Root, Tool("ip"), Daemon);
    let (lab, list, place) = (Lab::new().unwrap(), ListFile::new(lines([0], "NAM")), TempDir::new("exports"));
    let directory = place.file("exports");
    let flags =
        ["--ranges", &list.source, "--export", directory.to_str().unwrap(), "--export-format", "plain"];
    let daemon = start(&lab, &flags);
    let failed = |scrape: &d365_tests::scrape::Scrape| {
        scrape.count("d365_export_failures_total", &[("format", "plain"), ("reason", "missing")])
    };
    wait_until(&daemon, "a failure without the directory", |scrape| failed(scrape) > 0);
    fs::create_dir(&directory).unwrap();
    list.replace(lines([0, 1], "NAM"));
    let has = |ranges: &[&str]| {
        let text = fs::read_to_string(directory.join("d365.txt")).unwrap_or_default();
        text.lines().filter(|line| !line.starts_with('#')).eq(ranges.iter().copied())
    };
    until(60, || has(&["11.0.0.0/24", "11.0.1.0/24"]), || daemon.log());
    let mode = fs::metadata(directory.join("d365.txt")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
    wait_until(&daemon, "a success", |scrape| {
        scrape.samples.iter().any(|sample| sample.name == "d365_export_last_success_timestamp_seconds")
    });
    fs::remove_file(directory.join("d365.txt")).unwrap();
    until(60, || has(&["11.0.0.0/24", "11.0.1.0/24"]), || daemon.log());
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "nothing half written");
    stop(daemon);
}
