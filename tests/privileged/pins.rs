//! Pinned counters keep the counts of a daemon that died. The next daemon trusts only maps that match its
//! own.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown, symlink},
    path::Path,
};

use d365_tests::{
    mount::{Mount, View},
    netns::Netns,
    require,
};
use d365_user::kernel::{CounterIds, Counters, Kernel, OBJECT, Options, PinError, unpin};

use crate::{
    judged::{Judged, options, ranges, syn},
    steps::until,
};

const BPFFS: &str = "/sys/fs/bpf";
const DIRECTORY: &str = "/sys/fs/bpf/d365";
const CAPACITY: u32 = 8;

fn directory() -> &'static Path {
    Path::new(DIRECTORY)
}

fn small() -> Options {
    Options { capacity: CAPACITY, ..options() }
}

/// Runs `body` in a view with a bpffs of its own.
fn on_bpffs(body: impl FnOnce() + Send) {
    let netns = Netns::new().unwrap();
    View::new(&netns, &[Mount::Bpffs]).unwrap().run(body);
}

/// A program that has counted `packets` packets from a listed source, and one from an unlisted source.
fn counted(packets: u64) -> Judged {
    let mut judged = Judged::by(ranges(&["192.0.2.0/24"]), &small());
    for _ in 0..packets {
        judged.judge("listed", &syn([192, 0, 2, 1].into(), 25));
    }
    judged.judge("unlisted", &syn([198, 51, 100, 1].into(), 25));
    judged
}

/// Packets of the first slot, and unlisted packets.
fn packets(counters: &Counters) -> (u64, u64) {
    let rows = counters.read(&[0]).unwrap();
    let [row] = &rows[..] else { panic!("one interface: {rows:?}") };
    (row.ranges[0].packets, row.unlisted.packets)
}

/// Opens the pinned counters of an owner, as the next daemon does.
fn pinned(owner: &str) -> Result<Option<(CounterIds, Counters)>, PinError> {
    Counters::pinned(directory(), owner, 1, CAPACITY)
}

fn pins() -> Vec<String> {
    let entries = fs::read_dir(DIRECTORY).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn counts_outlive_the_program_and_unpinning_leaves_none() {
    require!(Root, Tool("ip"));
    on_bpffs(|| {
        assert!(pinned("eth0.100").unwrap().is_none(), "nothing yet");
        let mut judged = counted(3);
        judged.counters.pin(directory(), "eth0.100").unwrap();
        judged.judge("after the pin", &syn([192, 0, 2, 1].into(), 25));
        let (ids, before) = (judged.counters.ids(), judged.counters.read(&[0]).unwrap());
        drop(judged);
        let (found, counters) = pinned("eth0.100").unwrap().unwrap();
        assert_eq!((found, counters.ids()), (ids, ids));
        assert_eq!(counters.read(&[0]).unwrap(), before, "to the byte, connections and all classes");
        assert_eq!(packets(&counters), (4, 1));
        assert!(pinned("eth0").unwrap().is_none(), "another owner's");
        unpin(directory(), "eth0.100").unwrap();
        assert_eq!(pins(), [""; 0]);
        assert_eq!(packets(&counters), (4, 1), "readable for who holds them");
        unpin(directory(), "eth0.100").unwrap();
    });
}

#[test]
fn the_next_daemons_pins_replace_the_last_ones_and_nobody_elses() {
    require!(Root, Tool("ip"));
    on_bpffs(|| {
        let (first, second, other) = (counted(1), counted(2), counted(5));
        other.counters.pin(directory(), "b").unwrap();
        first.counters.pin(directory(), "a").unwrap();
        let (first_ids, last) = pinned("a").unwrap().unwrap();
        // A daemon that died between the creation of a pin and its rename leaves such a file.
        let own = ["RANGE_COUNTERS-a", "RANGE_COUNTERS-a+new"].map(|name| directory().join(name));
        fs::hard_link(&own[0], &own[1]).unwrap();
        second.counters.pin(directory(), "a").unwrap();
        let (second_ids, now) = pinned("a").unwrap().unwrap();
        assert!(first_ids.ranges != second_ids.ranges && first_ids.classes != second_ids.classes);
        assert_eq!((packets(&last), packets(&now)), ((1, 1), (2, 1)), "what was open stays open");
        let (_, others) = pinned("b").unwrap().unwrap();
        assert_eq!(packets(&others), (5, 1));
        let names = ["CLASS_COUNTERS-a", "CLASS_COUNTERS-b", "RANGE_COUNTERS-a", "RANGE_COUNTERS-b"];
        assert_eq!(pins(), names);
    });
}

#[test]
fn counters_of_another_shape_or_type_are_refused() {
    require!(Root, Tool("ip"));
    on_bpffs(|| {
        let judged = counted(1);
        judged.counters.pin(directory(), "a").unwrap();
        for (interfaces, capacity, expected) in [(1, 9, "of 9 entries"), (2, CAPACITY, "of 24 entries")] {
            let refused = Counters::pinned(directory(), "a", interfaces, capacity);
            let Err(error @ PinError::Mismatch { .. }) = refused.map(|_| ()) else { panic!("believed") };
            let message = error.to_string();
            assert!(message.contains("of 8 entries") && message.contains(expected), "{message}");
        }
        let own = ["RANGE_COUNTERS-a", "CLASS_COUNTERS-a"].map(|name| directory().join(name));
        fs::rename(&own[1], &own[0]).unwrap();
        let refused = pinned("a").map(|_| ());
        assert!(matches!(&refused, Err(PinError::Half { present, .. }) if *present == own[0]), "{refused:?}");
        fs::hard_link(&own[0], &own[1]).unwrap();
        let refused = pinned("a").map(|_| ());
        assert!(matches!(&refused, Err(PinError::Mismatch { path, .. }) if *path == own[0]), "{refused:?}");
        assert_eq!(packets(&judged.counters), (1, 1));
        // A map of another type with the same sizes does not count anything.
        judged.counters.pin(directory(), "a").unwrap();
        fs::remove_file(&own[0]).unwrap();
        aya::maps::HashMap::<_, u32, [u64; 3]>::create(CAPACITY, 0).unwrap().pin(&own[0]).unwrap();
        let Err(error @ PinError::Mismatch { .. }) = pinned("a").map(|_| ()) else { panic!("believed") };
        assert!(error.to_string().contains("a map of another type of 8 entries"), "{error}");
    });
}

/// On a bpffs any user may create the directory first, because its default mode is 1777.
#[test]
fn nothing_is_pinned_or_believed_where_others_may_exchange_it() {
    require!(Root, Tool("ip"));
    const NOBODY: u32 = 65_534;
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    on_bpffs(|| {
        let judged = counted(1);
        let refuses = |at: &Path, why: &str| {
            let told =
                [judged.counters.pin(directory(), "a"), pinned("a").map(|_| ()), unpin(directory(), "a")];
            for told in told {
                let Err(error @ PinError::Refused { .. }) = told else { panic!("{why}: {told:?}") };
                let told = error.to_string();
                let begin = format!("{} {why}", at.display());
                assert!(told.starts_with(&begin) && told.contains("--pin-dir"), "{told}");
            }
        };
        assert_eq!(fs::metadata(BPFFS).unwrap().permissions().mode() & 0o7777, 0o1777);
        judged.counters.pin(directory(), "a").unwrap();
        assert_eq!(fs::metadata(directory()).unwrap().permissions().mode() & 0o7777, 0o700);
        let (own, bpffs) = (directory(), Path::new(BPFFS));
        for (path, wide, owner, who) in [
            (own, 0o720, 0, "group 0"),
            (own, 0o702, 0, "everybody"),
            (own, 0o1777, 0, "group 0"),
            (own, 0o700, NOBODY, "user 65534"),
            (bpffs, 0o777, 0, "group 0"),
            (bpffs, 0o1777, NOBODY, "user 65534"),
        ] {
            mode(path, wide);
            chown(path, Some(owner), None).unwrap();
            refuses(path, &format!("may be written to by {who}"));
            chown(path, Some(0), None).unwrap();
            mode(path, if path == own { 0o700 } else { 0o1777 });
        }
        assert_eq!(packets(&pinned("a").unwrap().unwrap().1), (1, 1));
        // A symbolic link to a directory that would be accepted.
        fs::rename(directory(), Path::new(BPFFS).join("other")).unwrap();
        symlink("other", directory()).unwrap();
        refuses(directory(), "is a symbolic link");
        assert_eq!(fs::read_dir(Path::new(BPFFS).join("other")).unwrap().count(), 2, "untouched");
        fs::remove_file(directory()).unwrap();
        // A symbolic link further up in the path.
        symlink(".", Path::new(BPFFS).join("up")).unwrap();
        let through = Path::new(BPFFS).join("up/d365");
        let error = judged.counters.pin(&through, "a").unwrap_err();
        assert!(matches!(&error, PinError::Refused { path, .. } if path.ends_with("up")), "{error}");
    });
}

#[test]
fn without_a_bpffs_nothing_is_pinned_and_counting_goes_on() {
    require!(Root, Tool("ip"));
    let netns = Netns::new().unwrap();
    View::new(&netns, &[Mount::HideBpffs]).unwrap().run(|| {
        let mut judged = counted(1);
        let error = judged.counters.pin(directory(), "a").unwrap_err();
        assert!(matches!(error, PinError::NoBpffs { .. }), "{error}");
        let message = error.to_string();
        assert!(message.starts_with("no bpffs at /sys/fs/bpf; `mount -t bpf bpf /sys/fs/bpf`"), "{message}");
        assert_eq!(fs::read_dir(BPFFS).unwrap().count(), 0, "nothing was made");
        assert!(pinned("a").unwrap().is_none());
        unpin(directory(), "a").unwrap();
        judged.judge("listed", &syn([192, 0, 2, 1].into(), 25));
        assert_eq!(packets(&judged.counters), (2, 1));
    });
}

/// The pins of the counters do not hold the program: it ends together with the daemon.
#[test]
fn no_program_is_left_behind() {
    require!(Root, Tool("ip"));
    on_bpffs(|| {
        let (mut kernel, counters) = Kernel::load(OBJECT, &small()).unwrap();
        counters.pin(directory(), "a").unwrap();
        let id = kernel.program_id().unwrap();
        let there = || aya::programs::loaded_programs().any(|program| program.unwrap().id() == id);
        assert!(there());
        drop((kernel, counters));
        // The kernel frees a program a moment after its last holder is gone.
        until(5, || !there(), || "the program stays".to_owned());
        assert!(pinned("a").unwrap().is_some());
    });
}
