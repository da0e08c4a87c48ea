//! Doctor's checks of the bpffs, of the interface's place, and of the state directory.

use d365_tests::tun::{Kind, Tun};
use d365_user::gate::{Gate, GatePolicy, gates};

use super::*;

#[test]
fn a_bpffs_is_there_or_is_not() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    for (mount, level) in [(Mount::Bpffs, "ok"), (Mount::HideBpffs, "warning")] {
        let view = View::new(&lab.host, &[mount]).unwrap();
        let state = TempDir::new("doctor");
        let mut command = command(state.path(), &["--iface", lab.iface()]);
        view.give_to(&mut command);
        let report = report(&lab.host.run(|| command.output()).unwrap());
        assert_eq!(report.of("bpffs", None).0, level);
    }
}

/// The test has a bridge's port, a tun device and an ifb device.
#[test]
fn the_place_and_the_link_type_are_told() {
    require!(Root, Tool("ip"), Link("bridge"), Link("ifb"), Tun, Daemon);
    let lab = Lab::new().unwrap();
    let iface = lab.iface();
    let alone = doctor(&lab.host, iface);
    assert_eq!(alone.of("place", Some(iface)), ("ok", "no device above it takes its packets"));
    lab.host.ip(&["link", "add", "bridge0", "up", "type", "bridge"]).unwrap();
    lab.host.ip(&["link", "set", "dev", iface, "master", "bridge0"]).unwrap();
    let port = doctor(&lab.host, iface);
    let (level, said) = port.of("place", Some(iface));
    assert!(level == "ok" && said.starts_with("a port of bridge0"), "{said}");
    // With the spanning tree protocol, a new port listens for half a minute before it forwards.
    lab.host.ip(&["link", "set", "dev", iface, "nomaster"]).unwrap();
    lab.host.ip(&["link", "add", "bridge1", "type", "bridge", "stp_state", "1"]).unwrap();
    lab.host.ip(&["link", "set", "dev", "bridge1", "up"]).unwrap();
    lab.host.ip(&["link", "set", "dev", iface, "master", "bridge1"]).unwrap();
    let blocked = doctor(&lab.host, iface);
    let (level, said) = blocked.of("place", Some(iface));
    assert!(level == "warning" && said.contains("not forwarding"), "{said}");
    let tun = Tun::new(&lab.host, Kind::Tun).unwrap();
    lab.host.ip(&["link", "add", "shape0", "up", "type", "ifb"]).unwrap();
    for (name, word) in [(tun.name.as_str(), "link type none"), ("shape0", "an ifb device")] {
        let report = doctor(&lab.host, name);
        let (level, said) = report.of("interface", Some(name));
        assert!(level == "error" && said.contains(word), "{said}");
    }
    let state = TempDir::new("doctor");
    let all = report(&lab.host.run(|| command(state.path(), &[]).output()).unwrap());
    let findings = all.report["findings"].as_array().unwrap();
    assert!(findings.iter().all(|finding| finding["interface"] != "shape0"), "{:#}", all.report);
}

#[test]
fn a_kernel_without_btf_is_said() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let view = View::new(&lab.host, &[Mount::HideBtf]).unwrap();
    let state = TempDir::new("doctor");
    let mut command = command(state.path(), &[]);
    view.give_to(&mut command);
    assert_eq!(report(&lab.host.run(|| command.output()).unwrap()).of("btf", None).0, "warning");
}

#[test]
fn a_state_directory_is_looked_at_and_left_as_it_is() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let look = |state: &Path| report(&lab.host.run(|| command(state, &[]).output()).unwrap());
    let missing = TempFile::reserve("doctor");
    assert_eq!(look(missing.path()).of("state_dir", None).0, "warning");
    assert!(!missing.path().exists());
    let file = TempFile::new("doctor", "no directory");
    let report = look(file.path());
    assert_eq!((report.of("state_dir", None).0, report.code), ("error", Some(2)));

    let state = TempDir::new("doctor");
    fs::set_permissions(state.path(), fs::Permissions::from_mode(0o750)).unwrap();
    assert_eq!(look(state.path()).of("state_dir", None).0, "warning", "its group may lock it");
    fs::set_permissions(state.path(), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(look(state.path()).of("state_dir", None).0, "ok");
    assert_eq!(look(state.path()).of("state_files", None), ("ok", "whole"));
    fs::set_permissions(state.path(), fs::Permissions::from_mode(0o770)).unwrap();
    assert_eq!(look(state.path()).of("state_dir", None).0, "warning", "its group may write there");
    fs::set_permissions(state.path(), fs::Permissions::from_mode(0o757)).unwrap();
    let open = look(state.path());
    assert_eq!(open.of("state_dir", None).0, "warning");
    assert!(open.of("state_dir", None).1.contains("root:root, mode 757"), "{:#}", open.report);

    const DAMAGED: [&str; 7] = [
        "approval-answer.json",
        "approval.json",
        "counters.json",
        "counters.json.corrupt",
        "document-0123456789abcdef.kept",
        "gate.json",
        "gate.json.corrupt.2",
    ];
    for name in DAMAGED {
        fs::write(state.file(name), "no state").unwrap();
    }
    fs::write(state.file("notes.txt"), "somebody's").unwrap();
    let report = look(state.path());
    let (level, said) = report.of("state_files", None);
    assert!(level == "warning" && said.starts_with("7 files not whole: "), "{said}");
    assert!(DAMAGED.iter().all(|name| said.contains(&format!("{name}: "))), "{said}");
    assert_eq!(report.of("lease", None).0, "warning", "nothing is known");
    assert!(DAMAGED.iter().all(|name| fs::read_to_string(state.file(name)).unwrap() == "no state"));
    assert_eq!(fs::read_dir(state.path()).unwrap().count(), DAMAGED.len() + 1);
}

/// A pipe in the place of a file used to make doctor wait for a writer.
#[test]
fn pipes_in_a_state_directory_hang_nobody() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let state = TempDir::new("doctor");
    for name in ["lock", "gate.json", "counters.json", "approval.json", "document-0123456789abcdef.kept"] {
        nix::unistd::mkfifo(&state.file(name), nix::sys::stat::Mode::S_IRWXU).unwrap();
    }
    let report = report(&lab.host.run(|| command(state.path(), &[]).output()).unwrap());
    let (level, said) = report.of("state_files", None);
    assert!(level == "warning" && said.matches("not a regular file").count() == 4, "{said}");
    assert_eq!(report.of("daemon", None), ("ok", "none uses the state directory"));
}

#[test]
fn a_list_that_others_may_write_to_is_named() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let (state, lists) = (TempDir::new("doctor"), TempDir::new("list"));
    let list = lists.file("list");
    fs::write(&list, "").unwrap();
    let name = format!("file:{}", list.display());
    let gates = gates::Gates::from([(name.clone(), Gate::new(GatePolicy::default()))]);
    gates::save(&d365_user::state_files::open(state.path()).unwrap(), &gates).unwrap();
    let look = || report(&lab.host.run(|| command(state.path(), &[]).output()).unwrap());
    for (mode, level) in [(0o644, "ok"), (0o646, "warning"), (0o664, "warning"), (0o600, "ok")] {
        fs::set_permissions(&list, fs::Permissions::from_mode(mode)).unwrap();
        let report = look();
        let (found, said) = report.of("list_files", None);
        assert_eq!((found, said.contains(&name)), (level, level == "warning"), "{mode:o}: {said}");
    }
    fs::remove_file(&list).unwrap();
    let report = look();
    let (found, said) = report.of("list_files", None);
    assert!(found == "warning" && said.contains(&name), "{said}");
}
