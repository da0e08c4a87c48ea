//! bpffs and state directory.

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
