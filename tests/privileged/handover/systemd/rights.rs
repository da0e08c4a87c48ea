//! The rights of the units, and the drop-ins of the package.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use d365_tests::{patience, require, systemd::Unit};

use super::{
    NAME, PATIENCE,
    host::{Host, options, sh},
};

const OLD_KERNEL: &str = include_str!("../../../../d365-user/package/examples/linux-5.10.conf");
const LOOPBACK_ONLY: &str = include_str!("../../../../d365-user/package/examples/loopback-only.conf");

/// Judges a unit by systemd's own measure: 0.0 is closed, 10.0 is open.
fn is_exposed_by(tenths: u32, unit: &str) -> bool {
    sh(&format!("systemd-analyze security --no-pager --threshold={tenths} {unit}.service || echo too open"))
        .lines()
        .all(|line| line != "too open")
}

/// Every finding of systemd about a unit's file and its drop-ins.
fn findings(unit: &str) -> String {
    let all = sh(&format!("systemd-analyze verify --man=no {unit}.service || true"));
    all.lines().filter(|line| line.contains(NAME) && !line.starts_with('+')).collect()
}

#[test]
fn the_units_are_as_closed_as_the_package_promises() {
    require!(Root, Systemd, Tool("ip"), Daemon);
    let host = Host::new(&[]);
    let instance = "d365@eth1";
    let template = Unit::new(instance, &host.lab.host, &options(&[])).unwrap();
    for (unit, name) in [(&host.unit, NAME), (&template, instance)] {
        assert_eq!(findings(name), "");
        assert!(is_exposed_by(17, name) && !is_exposed_by(9, name));
        unit.add("z-loopback", LOOPBACK_ONLY).unwrap();
        assert!(is_exposed_by(15, name));
        unit.add("z-old-kernel", OLD_KERNEL).unwrap();
        assert_eq!(findings(name), "");
        unit.add("z-wrong", "[Service]\nNoSuchSetting=1\n").unwrap();
        assert!(findings(name).contains("NoSuchSetting"), "systemd reports what it does not know");
    }
}

/// A connection from another host is refused by the kernel, and the program still counts it.
#[test]
fn the_daemon_works_with_each_drop_in_of_the_package() {
    require!(Root, Systemd, Tool("ip"), Daemon);
    let host = Host::new(&["--listen", "0.0.0.0:9365"]);
    let from_elsewhere = || {
        let to = SocketAddr::new(host.lab.link().host_v4().into(), 9365);
        host.lab.sender.run(|| TcpStream::connect_timeout(&to, patience::stretched(Duration::from_secs(1))))
    };
    host.lab.add_source("198.51.100.7".parse().unwrap()).unwrap();
    host.unit.add("z-old-kernel", OLD_KERNEL).unwrap();
    host.start();
    const CAP_SYS_RESOURCE: u64 = 1 << 24;
    let status = fs::read_to_string(format!("/proc/{}/status", host.pid())).unwrap();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
    assert_ne!(u64::from_str_radix(effective.trim(), 16).unwrap() & CAP_SYS_RESOURCE, 0, "{effective}");
    assert!(from_elsewhere().is_ok());

    host.unit.add("z-loopback", LOOPBACK_ONLY).unwrap();
    host.under_traffic(|| {
        host.unit.systemctl("restart", &[]).unwrap();
        host.unit.wait_until_ready(PATIENCE).unwrap();
    });
    assert!(from_elsewhere().is_err());
}
