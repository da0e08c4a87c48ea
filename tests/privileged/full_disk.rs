//! The state directory on a full disk: a small tmpfs, in a mount namespace of this test's thread.

use std::{fs, io, path::Path, thread};

use d365_tests::require;
use d365_user::{
    gate::{Gate, GatePolicy, Offer, Timestamp, Trust, gates},
    ranges::{Policy, RangeSet},
    source::{self, Spec},
    state::{Found, StateError},
};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// A gate that accepted the embedded list.
fn some_gates() -> gates::Gates {
    let list = source::load(&Spec::Embedded).expect("the embedded list is whole");
    let set = RangeSet::build(&[list], &Policy::default()).expect("the embedded list is sound");
    let mut gate = Gate::new(GatePolicy::default());
    let ranges = set.ranges().to_vec();
    gate.offer(Offer { ranges, change_number: None, trust: Trust::Local }, Timestamp(0));
    gates::Gates::from([("embedded".to_owned(), gate)])
}

#[test]
fn a_full_disk_keeps_what_was_written_before() {
    require!(Root);
    let on_a_small_disk = || {
        unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace");
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
            .expect("private mounts");
        // The directory can be any: only this thread sees the tmpfs that is mounted on it.
        mount(Some("tmpfs"), "/mnt", Some("tmpfs"), MsFlags::empty(), Some("size=64k")).expect("a tmpfs");
        let directory = d365_user::state_files::open("/mnt/state").expect("a state directory");
        let mut gates = some_gates();
        gates::save(&directory, &gates).expect("there is space");
        let error = fs::write("/mnt/filler", vec![0; 1 << 20]).expect_err("the disk is full");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        gates.insert("other".to_owned(), Gate::new(GatePolicy::default()));
        let error = gates::save(&directory, &gates).expect_err("the disk is full");
        assert!(
            matches!(&error, StateError::Write { cause, .. } if cause.kind() == io::ErrorKind::StorageFull)
        );
        assert!(error.to_string().starts_with("cannot write /mnt/state/gate.json: "), "{error}");
        assert_eq!(
            gates::look(directory.path(), GatePolicy::default()).expect("readable"),
            Found::Whole(some_gates())
        );
        let names = fs::read_dir(directory.path()).expect("a directory").count();
        assert_eq!(names, 2, "gate.json, its copy, and nothing half written");
        fs::remove_file(Path::new("/mnt/filler")).expect("removed");
        gates::save(&directory, &gates).expect("there is space again");
    };
    thread::spawn(on_a_small_disk).join().expect("the test's thread");
}
