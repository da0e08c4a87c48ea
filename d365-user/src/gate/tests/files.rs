//! Tests `gate.json` and its copy.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, symlink},
    time::Duration,
};

use super::{
    super::gates::{self, Gates},
    *,
};
use crate::state::{Damage, Kind, Scratch, StateError, write_checksummed};

#[test]
fn gates_are_read_as_they_were_written() {
    let scratch = Scratch::new();
    let directory = crate::state_files::open(&scratch.0).unwrap();
    let policy = GatePolicy::default();
    assert_eq!(gates::look(&scratch.0, policy).unwrap(), None);
    for gates in [some_gates(), Gates::new()] {
        gates::save(&directory, &gates).unwrap();
        assert_eq!(gates::recover(&directory, policy).gates, gates);
        assert_eq!(gates::look(&scratch.0, policy).unwrap(), Some(gates));
    }
}

#[test]
fn gates_that_cannot_be_are_set_aside_though_their_digest_is_right() {
    let scratch = Scratch::new();
    let directory = crate::state_files::open(&scratch.0).unwrap();
    let bodies = ["", "{}", "[]", r#"{"sources":{"a":{}}}"#, r#"{"sources":{},"more":1}"#];
    for (body, version) in bodies.into_iter().flat_map(|body| [(body, 1), (body, 2), (body, 3)]) {
        write_checksummed(&directory, gates::FILE, Kind { version, ..gates::KIND }, body.as_bytes()).unwrap();
        let error = gates::look(&scratch.0, GatePolicy::default()).unwrap_err();
        assert!(
            matches!(error, StateError::Damaged { damage: Damage::Content(_), set_aside: None, .. }),
            "{body}: {error}"
        );
        let errors = gates::recover(&directory, GatePolicy::default()).errors;
        assert!(matches!(errors[..], [StateError::Damaged { set_aside: Some(_), .. }]), "{body}: {errors:?}");
        assert_eq!(scratch.names(), ["gate.json.corrupt"]);
    }
}

/// The copy holds what was accepted. Pending changes begin to wait again.
#[test]
fn where_the_gates_file_is_of_no_use_its_copy_is_used() {
    let scratch = Scratch::new();
    let directory = crate::state_files::open(&scratch.0).unwrap();
    let policy = GatePolicy::default();
    let recovered = gates::recover(&directory, policy);
    assert!(recovered.gates.is_empty() && recovered.errors.is_empty() && !recovered.is_copy);
    let gates = some_gates();
    gates::save(&directory, &gates).unwrap();
    let recovered = gates::recover(&directory, policy);
    assert!(recovered.gates == gates && recovered.errors.is_empty() && !recovered.is_copy);
    let path = directory.file(gates::FILE);
    let newer = Kind { version: 4, ..gates::KIND };
    let spoil: [&dyn Fn(); 4] = [
        &|| fs::write(&path, "nonsense").unwrap(),
        &|| write_checksummed(&directory, gates::FILE, newer, b"{}").unwrap(),
        &|| symlink("/dev/zero", &path).unwrap(),
        &|| {},
    ];
    for (at, spoil) in spoil.into_iter().enumerate() {
        let _ = fs::remove_file(&path);
        spoil();
        let recovered = gates::recover(&directory, policy);
        assert_eq!((recovered.is_copy, recovered.errors.len()), (true, usize::from(at < 3)), "{at}");
        for (name, gate) in &recovered.gates {
            assert!(gate.accepted().eq(gates[name].accepted()) && !gate.waits());
        }
    }
    fs::write(directory.file(gates::COPY), "nonsense").unwrap();
    fs::write(&path, "nonsense").unwrap();
    let recovered = gates::recover(&directory, policy);
    assert!(recovered.gates.is_empty() && recovered.errors.len() == 2 && !recovered.is_copy);
}

#[test]
fn the_copy_is_written_when_what_is_accepted_changes() {
    let scratch = Scratch::new();
    let directory = crate::state_files::open(&scratch.0).unwrap();
    let mut gates = some_gates();
    let inode = || fs::metadata(directory.file(gates::COPY)).unwrap().ino();
    gates::save(&directory, &gates).unwrap();
    let first = inode();
    let gate = gates.get_mut("azure:public").unwrap();
    let digest = gate.pending_digest().unwrap();
    gate.reject(&digest, None).unwrap();
    gates::save(&directory, &gates).unwrap();
    assert_eq!(inode(), first, "what waits is not in it");
    let digest = gates["azure:public"].pending_digest().unwrap();
    let prefixes: Vec<_> = gates["azure:public"].pending().map(|pending| pending.prefix).collect();
    gates.get_mut("azure:public").unwrap().approve(&digest, Some(&prefixes), Timestamp(2000)).unwrap();
    gates::save(&directory, &gates).unwrap();
    assert_ne!(inode(), first);
}

/// The bytes are those of these releases, apart from the names in them.
#[test]
fn files_of_earlier_releases_are_read() {
    const VERSION_1: &[u8] = include_bytes!("gate-v1.json");
    const VERSION_2: &[u8] = include_bytes!("gate-v2.json");
    let policy = GatePolicy::default();
    // Version 1 did not store for how long a confirmation has waited.
    for (file, confirms_in) in [(VERSION_1, 3600), (VERSION_2, 3240)] {
        let scratch = Scratch::new();
        fs::write(scratch.0.join(gates::FILE), file).unwrap();
        let Some(looked) = gates::look(&scratch.0, policy).unwrap() else { panic!("whole") };
        let gate = &looked["azure:public"];
        let digest = "8dd67b684f87ce873878b058a5d2f7789a3db7f080dc92a08a705b79ede08315";
        assert_eq!(gate.pending_digest().as_deref(), Some(digest), "as the earlier release showed it");
        let waits = gate.pending().map(|pending| (pending.wait, pending.left.map(|left| left.as_secs())));
        let hold = 72 * HOUR - 21_600;
        assert_eq!(
            waits.collect::<Vec<_>>(),
            [(Wait::Confirmation, Some(confirms_in)), (Wait::Hold, Some(hold)), (Wait::Rejected, None)]
        );
        assert_eq!(prefixes(gate), ["20.0.0.0/24", "20.0.1.0/24", "2603:1000::/32"]);
        let retired: Vec<_> =
            gate.retired(Timestamp(0)).map(|(range, until)| (range.prefix, until)).collect();
        assert_eq!(retired, [("20.9.0.0/24".parse().unwrap(), Timestamp(1_790_090_000))]);
        assert_eq!((gate.change_number(), gate.confirmed()), (Some(4), Some(Timestamp(1_790_003_600))));

        let directory = crate::state_files::open(&scratch.0).unwrap();
        fs::copy(directory.file(gates::FILE), directory.file(gates::COPY)).unwrap();
        assert_eq!(crate::state_files::damaged_files(&scratch.0).unwrap(), []);
        let recovered = gates::recover(&directory, policy);
        assert!(recovered.gates == looked && recovered.errors.is_empty() && !recovered.is_copy);
    }
    let head = VERSION_2.iter().position(|byte| *byte == b'\n').unwrap();
    let gates = gates::gates(&VERSION_2[head + 1..], policy).unwrap();
    assert_eq!(
        String::from_utf8(gates::body(&gates).unwrap()).unwrap(),
        String::from_utf8_lossy(&VERSION_2[head + 1..]),
        "raise the version when this changes"
    );
}

/// A command does not need to know the daemon's flags.
#[test]
fn a_look_from_beside_has_the_daemons_periods() {
    let scratch = Scratch::new();
    let directory = crate::state_files::open(&scratch.0).unwrap();
    let (hold, confirm_after) = (Duration::from_secs(60), Duration::from_secs(7));
    let policy = GatePolicy { hold, confirm_after, ..GatePolicy::default() };
    gates::save(&directory, &Gates::from([("file:/a".to_owned(), Gate::new(policy))])).unwrap();
    let Some(looked) = gates::look(&scratch.0, GatePolicy::default()).unwrap() else { panic!("whole") };
    assert_eq!(*looked["file:/a"].policy(), policy);
    let recovered = gates::recover(&directory, GatePolicy::default()).gates;
    assert_eq!(*recovered["file:/a"].policy(), GatePolicy::default(), "the daemon goes by its own flags");
}

/// The largest possible list, with each range replaced by another.
#[test]
fn the_largest_gates_are_read_back() {
    let scratch = Scratch::new();
    let directory = crate::state_files::open(&scratch.0).unwrap();
    let replaced = |count: u32| {
        let list = |first: u32| -> Vec<Range> {
            let prefix = |n: u32| format!("{}.{}.{}.0/24", first + n / 65_536, n / 256 % 256, n % 256);
            (0..count).map(|n| labelled(&prefix(n))).collect()
        };
        let mut gate = Gate::with_baseline(GatePolicy::default(), list(120), None);
        gate.offer(Offer { ranges: list(140), change_number: None, trust: Trust::Local }, Timestamp(1000));
        assert_eq!(gate.pending().len(), 2 * count as usize);
        Gates::from([("file:/a".to_owned(), gate)])
    };
    let gates = replaced(1000);
    gates::save(&directory, &gates).unwrap();
    assert!(gates::recover(&directory, GatePolicy::default()).gates == gates);
    let each = gates::body(&gates).unwrap().len() as u64 / 1000;
    assert!(
        each * u64::from(crate::ranges::Policy::HIGHEST_MAX_RANGES) < gates::KIND.limit,
        "{each} bytes each"
    );
}
