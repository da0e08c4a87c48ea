//! Tests the directory itself: its lock, its mode, other users who can write to it, and that no access leaves
//! it.

use std::sync::mpsc;

use super::*;

#[test]
fn the_directory_is_made_and_is_for_one_daemon() {
    let scratch = Scratch::new();
    let path = scratch.0.join("lib/d365");
    assert!(!is_held(&path).unwrap());
    let directory = crate::state_files::open(&path).unwrap();
    assert_eq!((mode(&path), directory.names().unwrap().len()), (0o700, 0), "no file is there for the lock");
    let own = std::process::id();
    assert!(is_held(&path).unwrap());
    assert_eq!(holder(&path), Some(own));
    let error = crate::state_files::open(&path).unwrap_err();
    assert!(matches!(error, StateError::InUse { holder: Some(holder), .. } if holder == own), "{error}");
    assert!(error.to_string().contains("stop that one"), "{error}");
    drop(directory);
    assert!(!is_held(&path).unwrap());
    assert_eq!(holder(&path), None);
    crate::state_files::open(&path).unwrap();
}

/// Regression: the daemon wrote through a symbolic link here, as root, and a pipe made `doctor` wait.
#[test]
fn what_is_called_lock_is_neither_opened_nor_written_to() {
    let scratch = Scratch::new();
    let (lock, victim) = (scratch.0.join("lock"), scratch.0.join("victim"));
    fs::write(&victim, "mine").unwrap();
    let make: [&dyn Fn(); 4] = [
        &|| symlink(&victim, &lock).unwrap(),
        &|| symlink(scratch.0.join("made"), &lock).unwrap(),
        &|| nix::unistd::mkfifo(&lock, nix::sys::stat::Mode::S_IRWXU).unwrap(),
        &|| fs::create_dir(&lock).unwrap(),
    ];
    for make in make {
        make();
        let directory = crate::state_files::open(&scratch.0).unwrap();
        assert!(is_held(&scratch.0).unwrap() && crate::state_files::open(&scratch.0).is_err());
        drop(directory);
        assert_eq!(
            (scratch.names(), fs::read(&victim).unwrap()),
            (vec!["lock".into(), "victim".into()], b"mine".into())
        );
        fs::remove_file(&lock).or_else(|_| fs::remove_dir(&lock)).unwrap();
    }
    fs::remove_file(&victim).unwrap();
    fs::write(&lock, "1234\n").unwrap();
    let directory = crate::state_files::open(&scratch.0).unwrap();
    assert_eq!(mode(&scratch.0), 0o700, "an earlier release's own");
    // Regression: a second daemon started when this file was removed from a directory in use.
    fs::remove_file(&lock).unwrap();
    assert!(matches!(crate::state_files::open(directory.path()), Err(StateError::InUse { .. })));
}

#[test]
fn who_only_looks_keeps_no_daemon_out() {
    let scratch = Scratch::new();
    let (stop, stopped) = mpsc::channel::<()>();
    let path = scratch.0.clone();
    let looking = thread::spawn(move || {
        while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
            is_held(&path).expect("it can be opened");
        }
    });
    for _ in 0..100 {
        crate::state_files::open(&scratch.0).unwrap();
    }
    drop(stop);
    looking.join().unwrap();
}

#[test]
fn others_are_kept_out() {
    let scratch = Scratch::new();
    let group = fs::metadata(&scratch.0).unwrap().gid();
    for (wide, could_write) in
        [(0o750, vec![]), (0o755, vec![]), (0o777, vec![Writer::Group(group), Writer::Everybody])]
    {
        fs::set_permissions(&scratch.0, Permissions::from_mode(wide)).unwrap();
        let directory = crate::state_files::open(&scratch.0).unwrap();
        assert_eq!(mode(&scratch.0), 0o700);
        let [remark @ Remark::Tightened { mode, writers, .. }] = directory.remarks() else {
            panic!("{:?}", directory.remarks())
        };
        assert_eq!((*mode, writers), (wide, &could_write));
        assert_eq!(remark.to_string().contains("could write there"), !could_write.is_empty(), "{remark}");
    }
    assert!(crate::state_files::open(&scratch.0).unwrap().remarks().is_empty());
}

/// The operator passed `--state-dir /var/lib` by mistake: the mail server must still find its spool below it.
#[test]
fn a_directory_that_holds_more_keeps_its_mode() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.0.join("postfix")).unwrap();
    fs::set_permissions(&scratch.0, Permissions::from_mode(0o755)).unwrap();
    let directory = crate::state_files::open(&scratch.0).unwrap();
    assert_eq!(mode(&scratch.0), 0o755);
    assert!(matches!(directory.remarks(), [Remark::Shared { mode: 0o755, .. }]), "{:?}", directory.remarks());
    drop(directory);
    fs::remove_dir(scratch.0.join("postfix")).unwrap();
    for (name, text) in [("config.json", "x"), ("notes.corrupt", "x"), ("movie.unfinished", "x")] {
        fs::write(scratch.0.join(name), text).unwrap();
        fs::write(scratch.0.join("lock"), "1").unwrap();
        drop(crate::state_files::open(&scratch.0).unwrap());
        assert_eq!((mode(&scratch.0), scratch.names().len()), (0o755, 2), "{name}");
        fs::remove_file(scratch.0.join(name)).unwrap();
    }
    fs::write(scratch.0.join("lock"), "precious").unwrap();
    fs::set_permissions(&scratch.0, Permissions::from_mode(0o1777)).unwrap();
    drop(crate::state_files::open(&scratch.0).unwrap());
    assert_eq!((mode(&scratch.0), scratch.names()), (0o1777, vec!["lock".to_owned()]), "as of /tmp");
    fs::set_permissions(&scratch.0, Permissions::from_mode(0o755)).unwrap();
    fs::write(scratch.0.join("gate.json.corrupt"), "x").unwrap();
    drop(crate::state_files::open(&scratch.0).unwrap());
    assert_eq!(mode(&scratch.0), 0o700, "nothing but our own is left");
}

#[test]
fn others_who_may_write_are_found() {
    let scratch = Scratch::new();
    let found = fs::metadata(&scratch.0).unwrap();
    let (user, group) = (found.uid(), found.gid());
    let with = |mode, user| {
        fs::set_permissions(&scratch.0, Permissions::from_mode(mode)).unwrap();
        other_writers(&fs::metadata(&scratch.0).unwrap(), user)
    };
    for mode in [0o700, 0o750, 0o755] {
        assert_eq!(with(mode, user), []);
    }
    assert_eq!(with(0o775, user), [Writer::Group(group)]);
    assert_eq!(with(0o1777, user), [Writer::Group(group), Writer::Everybody]);
    // Root always has access: a directory that root owns has no other writer.
    let others = if user == 0 { vec![] } else { vec![Writer::Owner(user)] };
    assert_eq!(with(0o700, user + 1), others);
}

#[test]
fn others_who_may_replace_a_list_are_found() {
    let scratch = Scratch::new();
    let (links, real) = (scratch.0.join("links"), scratch.0.join("real"));
    [&links, &real].into_iter().for_each(|directory| fs::create_dir(directory).unwrap());
    let (list, link) = (real.join("list"), links.join("list"));
    fs::write(&list, "").unwrap();
    symlink(&list, &link).unwrap();
    let found = fs::metadata(&list).unwrap();
    let (user, group) = (found.uid(), Writer::Group(found.gid()));
    let modes = |of_links, of_real, of_list| {
        for (path, mode) in [(&links, of_links), (&real, of_real), (&list, of_list)] {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
        [&list, &link].map(|path| other_writers_of_file(path, user).unwrap())
    };
    let none = Vec::new;
    assert_eq!(modes(0o755, 0o755, 0o644), [none(), none()]);
    assert_eq!(modes(0o755, 0o755, 0o664), [vec![group], vec![group]]);
    assert_eq!(modes(0o755, 0o755, 0o666), [vec![Writer::Everybody, group], vec![Writer::Everybody, group]]);
    assert_eq!(modes(0o755, 0o775, 0o644), [vec![group], vec![group]], "by a rename over it");
    assert_eq!(modes(0o775, 0o755, 0o644), [none(), vec![group]], "by another link");
    assert_eq!(modes(0o1777, 0o1777, 0o644), [none(), none()], "sticky: only owners rename");
    assert!(other_writers_of_file(&scratch.0.join("none"), user).is_err());
}

#[test]
fn a_name_is_one_of_the_directory_itself() {
    let scratch = Scratch::new();
    let (inner, outside) = (scratch.0.join("inner"), scratch.0.join("outside"));
    fs::create_dir(&inner).unwrap();
    fs::write(&outside, checksummed::add_checksum(KIND, b"x")).unwrap();
    let directory = Beneath::open(&inner).unwrap();
    for name in ["../outside", "..", ".", "", "/proc/version", "a/b"] {
        assert!(read_only(&directory, name, KIND, |_| Ok(())).is_err(), "{name:?}");
        assert!(write_atomic(&directory, name, b"x").is_err(), "{name:?}");
        assert!(directory.unlink(name).is_err() && directory.rename("a", name).is_err(), "{name:?}");
    }
    assert_eq!(scratch.names(), ["inner", "outside"]);
    // The path of the directory itself may be a symbolic link, as systemd's is.
    symlink(&inner, scratch.0.join("link")).unwrap();
    write_checksummed(&Beneath::open(&scratch.0.join("link")).unwrap(), "file", KIND, b"x").unwrap();
    assert!(inner.join("file").is_file());
}

/// A new directory with the same path is not the locked one.
#[test]
fn the_directory_that_was_opened_is_used_wherever_it_is_now() {
    let scratch = Scratch::new();
    let (path, moved) = (scratch.0.join("state"), scratch.0.join("moved"));
    let directory = crate::state_files::open(&path).unwrap();
    fs::rename(&path, &moved).unwrap();
    fs::create_dir(&path).unwrap();
    write_checksummed(&directory, "file", KIND, b"x").unwrap();
    assert!(moved.join("file").is_file() && !path.join("file").exists());
}
