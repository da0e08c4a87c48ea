//! Doctor's checks of kernel BTF, of the interface's place, and of the state directory.

use d365_tests::tun::{Kind, Tun};
use d365_user::gate::{Gate, GatePolicy, gates};

use super::*;

#[test]
fn missing_btf_is_reported() {
    require!(Root, Tool("ip"), Daemon);
    let (lab, state) = (Lab::new().unwrap(), TempDir::new("doctor"));
    let view = View::new(&lab.host, &[Mount::HideBtf]).unwrap();
    let report = look_in(&view, &lab.host, state.path(), &["--iface", lab.iface()]);
    assert_eq!(report.of("btf", None).0, "warning");
}

/// The test has a bridge's port, a tun device and an ifb device.
#[test]
fn the_place_and_the_link_type_are_reported() {
    require!(Root, Tool("ip"), Link("bridge"), Link("ifb"), Tun, Daemon);
    let lab = Lab::new().unwrap();
    let iface = lab.iface();
    let alone = doctor(&lab.host, iface);
    assert_eq!(alone.of("place", Some(iface)), ("ok", "no device above it takes its packets"));
    shell(&lab.host, &format!("ip link add bridge0 up type bridge; ip link set {iface} master bridge0"));
    doctor(&lab.host, iface).begins("place", Some(iface), "ok", "a port of bridge0");
    // With the spanning tree protocol, a new port listens for half a minute before it forwards.
    shell(&lab.host, "ip link add bridge1 type bridge stp_state 1; ip link set bridge1 up");
    shell(&lab.host, &format!("ip link set {iface} nomaster; ip link set {iface} master bridge1"));
    let blocked = doctor(&lab.host, iface);
    let (level, text) = blocked.of("place", Some(iface));
    assert!(level == "warning" && text.contains("not forwarding"), "{text}");
    let tun = Tun::new(&lab.host, Kind::Tun).unwrap();
    lab.host.ip(&["link", "add", "shape0", "up", "type", "ifb"]).unwrap();
    let words = [(tun.name.as_str(), "ok", "begin with the IP header"), ("shape0", "error", "an ifb device")];
    for (name, level, word) in words {
        let report = doctor(&lab.host, name);
        let (found, text) = report.of("interface", Some(name));
        assert!(found == level && text.contains(word), "{text}");
    }
    let state = TempDir::new("doctor");
    let all = look(&lab.host, state.path(), &[]);
    let findings = all.report["findings"].as_array().unwrap();
    assert!(findings.iter().all(|finding| finding["interface"] != "shape0"), "{:#}", all.report);
}

/// A pattern leads to the interfaces that match. Those that the daemon would leave out are no errors.
#[test]
fn a_pattern_is_resolved_as_by_the_daemon() {
    require!(Root, Tool("ip"), Link("ifb"), Daemon);
    let (lab, state) = (Lab::new().unwrap(), TempDir::new("doctor"));
    lab.host.ip(&["link", "add", "shape0", "up", "type", "ifb"]).unwrap();
    let doctor = |flags: &[&str]| look(&lab.host, state.path(), flags);
    let iface = lab.iface();
    let all = doctor(&["--iface", "*,none?"]);
    assert_eq!(all.of("interface", Some(iface)), ("ok", "up"));
    let left_out = all.begins("interface", Some("shape0"), "warning", "matches a pattern, and the daemon ");
    assert!(left_out.contains("is an ifb device"), "{left_out}");
    all.begins("interface", Some("none?"), "warning", "no interface of this network namespace matches");
    let findings = all.report["findings"].as_array().unwrap();
    assert!(findings.iter().all(|finding| finding["interface"] != "lo"), "{:#}", all.report);
    assert_eq!(doctor(&["--iface", "none*"]).of("interface", Some("none*")).0, "error");
    let ended = lab.host.run(|| command(state.path(), &["--iface", "none["]).output()).unwrap();
    assert_eq!(ended.status.code(), Some(2));
    let message = String::from_utf8(ended.stderr).unwrap();
    assert!(message.contains("`none[` is no valid pattern"), "{message}");
}

#[test]
fn a_state_directory_is_looked_at_and_left_as_it_is() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let look = |state: &Path| look(&lab.host, state, &[]);
    let missing = TempFile::reserve("doctor");
    assert_eq!(look(missing.path()).of("state_dir", None).0, "warning");
    assert!(!missing.path().exists());
    let file = TempFile::new("doctor", "no directory");
    let report = look(file.path());
    assert_eq!((report.of("state_dir", None).0, report.code), ("error", Some(2)));

    let state = TempDir::new("doctor");
    // A group may lock the directory (750), or write there (770).
    for (mode, level) in [(0o700, "ok"), (0o750, "warning"), (0o770, "warning"), (0o757, "warning")] {
        fs::set_permissions(state.path(), fs::Permissions::from_mode(mode)).unwrap();
        let report = look(state.path());
        assert_eq!(report.of("state_dir", None).0, level, "{mode:o}");
        assert_eq!(report.of("state_files", None), ("ok", "whole"));
    }
    assert!(look(state.path()).of("state_dir", None).1.contains("root:root, mode 757"));

    const DAMAGED: [&str; 6] = [
        "approval-answer.json",
        "approval.json",
        "gate-copy.json.corrupt",
        "document-0123456789abcdef.kept",
        "gate.json",
        "gate.json.corrupt.2",
    ];
    for name in DAMAGED {
        fs::write(state.file(name), "no state").unwrap();
    }
    fs::write(state.file("notes.txt"), "somebody's").unwrap();
    let report = look(state.path());
    let text = report.begins("state_files", None, "warning", "6 files not whole: ");
    assert!(DAMAGED.iter().all(|name| text.contains(&format!("{name}: "))), "{text}");
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
    for name in ["lock", "gate.json", "approval.json", "document-0123456789abcdef.kept"] {
        nix::unistd::mkfifo(&state.file(name), nix::sys::stat::Mode::S_IRWXU).unwrap();
    }
    let report = look(&lab.host, state.path(), &[]);
    let (level, text) = report.of("state_files", None);
    assert!(level == "warning" && text.matches("not a regular file").count() == 3, "{text}");
    assert_eq!(report.of("daemon", None), ("ok", "none uses the state directory"));
}

#[test]
fn a_list_that_others_may_write_to_is_named() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let (state, lists) = (TempDir::new("doctor"), TempDir::new("list"));
    let list = lists.file("list");
    fs::write(&list, "").unwrap();
    let name = source(&list);
    let gates = gates::Gates::from([(name.clone(), Gate::new(GatePolicy::default()))]);
    gates::save(&d365_user::state_files::open(state.path()).unwrap(), &gates).unwrap();
    for (mode, level) in [(0o644, "ok"), (0o646, "warning"), (0o664, "warning"), (0o600, "ok")] {
        fs::set_permissions(&list, fs::Permissions::from_mode(mode)).unwrap();
        let report = look(&lab.host, state.path(), &[]);
        let (found, text) = report.of("list_files", None);
        assert_eq!((found, text.contains(&name)), (level, level == "warning"), "{mode:o}: {text}");
    }
    fs::remove_file(&list).unwrap();
    let report = look(&lab.host, state.path(), &[]);
    let (found, text) = report.of("list_files", None);
    assert!(found == "warning" && text.contains(&name), "{text}");
}
