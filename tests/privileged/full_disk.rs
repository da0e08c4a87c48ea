//! The state directory on a full disk: a small tmpfs, in a mount namespace of this test's thread.

use std::{fs, io};

use d365_tests::{
    mount::{Mount, SMALL_DISK, View},
    netns::Netns,
    require,
};
use d365_user::{
    gate::{Gate, GatePolicy, Offer, Timestamp, Trust, gates},
    state::StateError,
};

use crate::mail::embedded;

/// A gate that accepted the embedded list.
fn some_gates() -> gates::Gates {
    let mut gate = Gate::new(GatePolicy::default());
    let ranges = embedded().ranges().to_vec();
    gate.offer(Offer { ranges, change_number: None, trust: Trust::Local }, Timestamp(0));
    gates::Gates::from([("embedded".to_owned(), gate)])
}

#[test]
fn a_full_disk_keeps_what_was_written_before() {
    require!(Root, Tool("ip"));
    let view = View::new(&Netns::new().unwrap(), &[Mount::SmallDisk]).unwrap();
    view.run(|| {
        let directory = d365_user::state_files::open(format!("{SMALL_DISK}/state")).unwrap();
        let (mut gates, filler) = (some_gates(), format!("{SMALL_DISK}/filler"));
        gates::save(&directory, &gates).unwrap();
        let error = fs::write(&filler, vec![0; 1 << 20]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        gates.insert("other".to_owned(), Gate::new(GatePolicy::default()));
        let error = gates::save(&directory, &gates).unwrap_err();
        let StateError::Write { cause, .. } = &error else { panic!("{error}") };
        assert_eq!(cause.kind(), io::ErrorKind::StorageFull);
        let begin = format!("cannot write {SMALL_DISK}/state/gate.json: ");
        assert!(error.to_string().starts_with(&begin), "{error}");
        assert_eq!(gates::look(directory.path(), GatePolicy::default()).unwrap(), Some(some_gates()));
        let names = fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(names, 2, "gate.json, its copy, and nothing half written");
        fs::remove_file(filler).unwrap();
        gates::save(&directory, &gates).expect("there is space again");
    });
}
