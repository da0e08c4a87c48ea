//! The package on a host: installation, first start, a kill, upgrade, downgrade and removal, by the commands
//! that `docs/operate.md` shows.

use std::{fs, path::Path};

use d365_tests::{lab::Lab, page, require, systemd::Unit};

use super::{
    super::{
        another_build,
        manager::PATIENCE,
        objects::{Objects, digests},
        watch::Transitions,
    },
    NAME,
    host::{sh, under_traffic},
};
use crate::steps::{has_xdp, until};

const SETTINGS: &str = "/etc/default/d365";

/// Runs the commands of a block of `docs/operate.md`, and returns what they print.
fn run(first: &str, iface: &str) -> String {
    sh(&page::block("operate.md", first).unwrap().replace("eth0", iface))
}

/// Makes the package of the next release: another kernel object, and other default settings.
fn make_next() {
    let another = another_build::make();
    sh(&format!(
        "dpkg-deb --raw-extract d365_0.1.0-1_amd64.deb /tmp/next
        install -m 755 {} /tmp/next/usr/bin/d365-user
        sed -i 's/^Version: .*/Version: 0.1.1-1/' /tmp/next/DEBIAN/control
        echo '# Another line.' >> /tmp/next/etc/default/d365
        dpkg-deb -Znone --build /tmp/next d365_0.1.1-1_amd64.deb
        rm -r /tmp/next",
        another.path().display()
    ));
}

#[test]
fn a_package_is_installed_upgraded_and_removed() {
    require!(Root, Systemd, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let before = Objects::all();
    let unit = Unit::of_package(NAME, &lab.host).unwrap();
    let is = |state: &str| assert_eq!(unit.property("ActiveState").unwrap(), state, "{}", unit.log());
    let pid = || unit.pid().unwrap().unwrap();
    let ready = || unit.wait_until_ready(PATIENCE).unwrap();

    let transitions = Transitions::listen(&lab);

    let printed = run("# Install", lab.iface());
    assert!(printed.contains("name an interface in /etc/default/d365"), "{printed}");
    is("inactive");
    assert!(!has_xdp(&lab.host, lab.iface()), "no interface was named");

    run("# First start", lab.iface());
    is("active");
    ready();
    assert!(has_xdp(&lab.host, lab.iface()));
    until(10, || transitions.count() > 0, || "the kernel reports no program".to_owned());

    under_traffic(&lab, &unit, &transitions, || {
        let killed = pid();
        unit.kill().unwrap();
        until(20, || unit.pid().unwrap().is_some_and(|pid| pid != killed), || unit.log());
        ready();
    });

    make_next();
    let (first, settings) = (digests(pid()), fs::read_to_string(SETTINGS).unwrap());
    under_traffic(&lab, &unit, &transitions, || {
        run("# Upgrade", lab.iface());
        ready();
    });
    let second = digests(pid());
    assert!(first.is_disjoint(&second), "the upgrade brings other programs");
    assert_eq!(fs::read_to_string(SETTINGS).unwrap(), settings, "the operator's settings survive");

    under_traffic(&lab, &unit, &transitions, || {
        run("# Downgrade", lab.iface());
        ready();
    });
    assert_eq!(digests(pid()), first, "the old programs are back");
    assert_eq!(fs::read_to_string(SETTINGS).unwrap(), settings);

    run("# Remove", lab.iface());
    is("inactive");
    until(10, || !has_xdp(&lab.host, lab.iface()), || "the program is left".to_owned());
    assert!(
        Path::new(SETTINGS).exists() && Path::new("/var/lib/d365").exists(),
        "kept for a next installation"
    );
    run("# Purge", lab.iface());
    let left = sh("find /etc /usr /var -name '*d365*'; getent passwd d365 || true");
    let left: Vec<&str> =
        left.lines().filter(|line| !line.starts_with('+') && !line.ends_with("d365-test.service")).collect();
    assert!(left.is_empty(), "{left:?}");
    let left = || Objects::all().left(&before);
    until(10, || left().is_empty(), || format!("{:?} are left", left()));
}
