//! The state directory against bad files, other daemons and full disks.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use super::approval::{Approval, Request, Verdict};
use super::gates::Gates;
use super::*;
use crate::generation::gate::{Gate, GatePolicy, Offer, Timestamp, Trust};
use crate::ranges::{Geo, Range};

const KIND: Kind = Kind { name: "test", version: 1 };
const LIMIT: u64 = 1000;

mod directory;

/// A directory of this test's own, removed with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("d365-state-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn open(&self) -> Beneath {
        Beneath::open(&self.0).expect("it is there")
    }

    fn names(&self) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<_> = fs::read_dir(&self.0).unwrap().map(name).collect();
        names.sort();
        names
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn range(prefix: &str) -> Range {
    Range { prefix: prefix.parse().unwrap(), geo: Geo::UNKNOWN, region: Some("\"a\n".to_owned()) }
}

/// Two gates, the first with an addition that waits.
fn some_gates() -> Gates {
    let offer = |prefixes: &[&str]| Offer {
        ranges: prefixes.iter().map(|prefix| range(prefix)).collect(),
        change_number: Some(3),
        trust: Trust::Download,
    };
    let mut gate = Gate::new(GatePolicy::default());
    gate.offer(offer(&["20.0.0.0/24"]), Timestamp(1000));
    gate.offer(offer(&["20.0.0.0/24", "2603:1000::/32"]), Timestamp(1001));
    Gates::from([
        ("azure:public".to_owned(), gate),
        ("file:/a \"b\"".to_owned(), Gate::new(GatePolicy::default())),
    ])
}

#[test]
fn a_directory_that_cannot_be_is_an_error() {
    for path in ["/proc/self/d365", "/dev/null/d365", "/proc/version"] {
        let error = StateDir::open(path).unwrap_err();
        assert!(matches!(error, StateError::Directory { .. }), "{error}");
        assert!(error.to_string().contains(path) && error.to_string().contains("--state-dir"), "{error}");
    }
}

#[test]
fn leftovers_are_cleared_but_for_a_request_that_is_being_written() {
    let scratch = Scratch::new();
    for name in [".gate.json.1.unfinished", ".approval.json.1.unfinished", "other", "a.unfinished"] {
        fs::write(scratch.0.join(name), "x").unwrap();
    }
    drop(StateDir::open(&scratch.0).unwrap());
    assert_eq!(scratch.names(), [".approval.json.1.unfinished", "a.unfinished", "other"]);
}

/// A directory in the way ended the start with exit code 11.
#[test]
fn a_leftover_that_cannot_be_removed_is_ignored_and_named() {
    let scratch = Scratch::new();
    let left = format!(".gate.json.{}.unfinished", std::process::id());
    fs::create_dir_all(scratch.0.join(&left).join("full")).unwrap();
    fs::set_permissions(&scratch.0, Permissions::from_mode(0o700)).unwrap();
    let directory = StateDir::open(&scratch.0).unwrap();
    let [remark @ Remark::Leftover { path, .. }] = directory.remarks() else { panic!("{directory:?}") };
    assert!(*path == scratch.0.join(&left) && remark.to_string().contains("by hand"), "{remark}");
    gates::save(&directory, &some_gates()).unwrap();
    assert_eq!(gates::load(&directory, GatePolicy::default()).unwrap(), Found::Whole(some_gates()));
    assert_eq!(scratch.names(), [left.as_str(), "gate.json"]);
    // There is an end to it.
    for number in 2..=9 {
        let left = format!(".gate.json.{}.{number}.unfinished", std::process::id());
        fs::create_dir(scratch.0.join(left)).unwrap();
    }
    assert!(matches!(gates::save(&directory, &some_gates()), Err(StateError::Write { .. })));
}

#[test]
fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
    let scratch = Scratch::new();
    let path = scratch.0.join("file");
    let directory = scratch.open();
    for body in [&b"one"[..], b"", b"three"] {
        write_sealed(&directory, "file", KIND, body).unwrap();
        assert_eq!(read_checked(&directory, "file", KIND, LIMIT).unwrap(), Found::Whole(body.to_vec()));
        assert_eq!(mode(&path), 0o640);
    }
    assert_eq!(scratch.names(), ["file"]);
}

#[test]
fn a_write_that_fails_leaves_the_old_file() {
    let scratch = Scratch::new();
    let path = scratch.0.join("file");
    let directory = scratch.open();
    write_atomic(&directory, "file", b"old").unwrap();
    let full = |file: &mut File| {
        file.write_all(b"ne")?;
        Err(io::ErrorKind::StorageFull.into())
    };
    assert_eq!(write::write_with(&directory, "file", full).unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(scratch.names(), ["file"]);
    fs::create_dir(scratch.0.join("directory")).unwrap();
    let error = write_atomic(&directory, "directory", b"x").unwrap_err();
    assert!(
        matches!(&error, StateError::Write { path, .. } if *path == scratch.0.join("directory")),
        "{error}"
    );
    assert_eq!(scratch.names(), ["directory", "file"]);
}

#[test]
fn a_leftover_or_a_link_in_the_way_is_not_written_through() {
    let scratch = Scratch::new();
    let (path, victim) = (scratch.0.join("file"), scratch.0.join("victim"));
    fs::write(&victim, "mine").unwrap();
    symlink(&victim, scratch.0.join(format!(".file.{}.unfinished", std::process::id()))).unwrap();
    write_atomic(&scratch.open(), "file", b"new").unwrap();
    assert_eq!((fs::read(&path).unwrap(), fs::read(&victim).unwrap()), (b"new".to_vec(), b"mine".to_vec()));
}

#[test]
fn what_is_not_believed_is_set_aside() {
    let scratch = Scratch::new();
    let (path, aside) = (scratch.0.join("file"), scratch.0.join("file.corrupt"));
    let directory = scratch.open();
    assert_eq!(read_checked(&directory, "file", KIND, LIMIT).unwrap(), Found::Nothing);
    let good = sealed::seal(KIND, b"body");
    let bad = [
        (good[..20].to_vec(), Damage::Head),
        (vec![], Damage::Head),
        (sealed::seal(Kind { version: 2, ..KIND }, b""), Damage::Version { found: 2, expected: 1 }),
        (vec![b' '; 1001], Damage::TooLarge { limit: LIMIT }),
    ];
    for (bytes, damage) in bad {
        fs::write(&path, &bytes).unwrap();
        let left = peek(&directory, "file", KIND, LIMIT).unwrap();
        assert_eq!(left, Found::Damaged { damage: damage.clone(), set_aside: None });
        let found = read_checked(&directory, "file", KIND, LIMIT).unwrap();
        assert_eq!(found, Found::Damaged { damage, set_aside: Some(aside.clone()) });
        assert_eq!(fs::read(&aside).unwrap(), bytes, "over the one before");
        assert_eq!(read_checked(&directory, "file", KIND, LIMIT).unwrap(), Found::Nothing);
    }
}

#[test]
fn what_is_no_file_is_set_aside_and_nothing_hangs() {
    let scratch = Scratch::new();
    let (path, aside) = (scratch.0.join("file"), scratch.0.join("file.corrupt"));
    let directory = scratch.open();
    let make: [&dyn Fn(); 5] = [
        &|| nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap(),
        &|| drop(std::os::unix::net::UnixListener::bind(&path).unwrap()),
        &|| symlink("/dev/zero", &path).unwrap(),
        &|| symlink("nowhere", &path).unwrap(),
        &|| fs::create_dir(&path).unwrap(),
    ];
    for make in make {
        make();
        let _ = fs::remove_file(&aside);
        let found = read_checked(&directory, "file", KIND, LIMIT).unwrap();
        assert_eq!(found, Found::Damaged { damage: Damage::NotAFile, set_aside: Some(aside.clone()) });
        let error = found.whole(&path).unwrap_err().to_string();
        assert!(error.ends_with(&format!("it is now {}", aside.display())), "{error}");
        assert!(fs::symlink_metadata(&path).is_err() && fs::symlink_metadata(&aside).is_ok());
    }
    // A directory is in the way of being put aside: another name, as long as there is one.
    for number in 2..=9 {
        fs::write(&path, "x").unwrap();
        let other = scratch.0.join(format!("file.corrupt.{number}"));
        let Found::Damaged { set_aside, .. } = read_checked(&directory, "file", KIND, LIMIT).unwrap() else {
            panic!("damaged")
        };
        assert_eq!(set_aside, Some(other.clone()));
        fs::remove_file(&other).unwrap();
        fs::create_dir(&other).unwrap();
    }
    fs::write(&path, "x").unwrap();
    let error = read_checked(&directory, "file", KIND, LIMIT).unwrap().whole(&path).unwrap_err().to_string();
    assert!(error.ends_with("remove it"), "{error}");
}

#[test]
fn gates_are_read_as_they_were_written() {
    let scratch = Scratch::new();
    let directory = StateDir::open(&scratch.0).unwrap();
    let policy = GatePolicy::default();
    assert_eq!(gates::load(&directory, policy).unwrap(), Found::Nothing);
    for gates in [some_gates(), Gates::new()] {
        gates::save(&directory, &gates).unwrap();
        assert_eq!(gates::load(&directory, policy).unwrap(), Found::Whole(gates.clone()));
        assert_eq!(gates::look(&scratch.0, policy).unwrap(), Found::Whole(gates));
    }
}

#[test]
fn gates_that_cannot_be_are_set_aside_though_their_digest_is_right() {
    let scratch = Scratch::new();
    let directory = StateDir::open(&scratch.0).unwrap();
    let bodies = ["", "{}", "[]", r#"{"sources":{"a":{}}}"#, r#"{"sources":{},"more":1}"#];
    for (body, version) in bodies.into_iter().flat_map(|body| [(body, 1), (body, 2)]) {
        write_sealed(&directory, gates::FILE, Kind { name: "gate", version }, body.as_bytes()).unwrap();
        let looked = gates::look(&scratch.0, GatePolicy::default()).unwrap();
        assert!(matches!(looked, Found::Damaged { damage: Damage::Content(_), set_aside: None }), "{body}");
        let loaded = gates::load(&directory, GatePolicy::default()).unwrap();
        assert!(matches!(loaded, Found::Damaged { set_aside: Some(_), .. }), "{body}");
        assert_eq!(scratch.names(), ["gate.json.corrupt"]);
    }
}

/// The copy has what was accepted; what waited begins to wait again.
#[test]
fn where_the_gates_file_is_of_no_use_its_copy_is_used() {
    let scratch = Scratch::new();
    let directory = StateDir::open(&scratch.0).unwrap();
    let policy = GatePolicy::default();
    let recovered = gates::recover(&directory, policy);
    assert!(recovered.gates.is_empty() && recovered.errors.is_empty() && !recovered.is_copy);
    let gates = some_gates();
    gates::save(&directory, &gates).unwrap();
    let recovered = gates::recover(&directory, policy);
    assert!(recovered.gates == gates && recovered.errors.is_empty() && !recovered.is_copy);
    let path = directory.file(gates::FILE);
    let newer = Kind { name: "gate", version: 3 };
    let spoil: [&dyn Fn(); 4] = [
        &|| fs::write(&path, "nonsense").unwrap(),
        &|| write_sealed(&directory, gates::FILE, newer, b"{}").unwrap(),
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
    let directory = StateDir::open(&scratch.0).unwrap();
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
    gates.get_mut("azure:public").unwrap().approve_only(&digest, &prefixes, Timestamp(2000)).unwrap();
    gates::save(&directory, &gates).unwrap();
    assert_ne!(inode(), first);
}

#[test]
fn gates_of_the_release_before_are_read() {
    let scratch = Scratch::new();
    let directory = StateDir::open(&scratch.0).unwrap();
    let gates = some_gates();
    let mut body: serde_json::Value = serde_json::from_slice(&gates::body(&gates).unwrap()).unwrap();
    body.as_object_mut().unwrap().remove("periods");
    for gate in body["sources"].as_object_mut().unwrap().values_mut() {
        gate.as_object_mut().unwrap().remove("grown");
        for waiting in gate["waiting"].as_array_mut().unwrap() {
            waiting.as_object_mut().unwrap().remove("elapsed");
        }
    }
    let earlier = Kind { name: "gate", version: 1 };
    write_sealed(&directory, gates::FILE, earlier, body.to_string().as_bytes()).unwrap();
    let policy = GatePolicy::default();
    assert_eq!(gates::look(&scratch.0, policy).unwrap(), Found::Whole(gates.clone()));
    let recovered = gates::recover(&directory, policy);
    assert!(recovered.gates == gates && recovered.errors.is_empty() && !recovered.is_copy);
}

/// A command need not know the daemon's flags.
#[test]
fn a_look_from_beside_has_the_daemons_periods() {
    let scratch = Scratch::new();
    let directory = StateDir::open(&scratch.0).unwrap();
    let (hold, confirm_after) = (Duration::from_secs(60), Duration::from_secs(7));
    let policy = GatePolicy { hold, confirm_after, ..GatePolicy::default() };
    gates::save(&directory, &Gates::from([("file:/a".to_owned(), Gate::new(policy))])).unwrap();
    let Found::Whole(looked) = gates::look(&scratch.0, GatePolicy::default()).unwrap() else {
        panic!("whole")
    };
    assert_eq!(*looked["file:/a"].policy(), policy);
    let Found::Whole(loaded) = gates::load(&directory, GatePolicy::default()).unwrap() else {
        panic!("whole")
    };
    assert_eq!(*loaded["file:/a"].policy(), GatePolicy::default(), "the daemon goes by its own flags");
}

/// As many ranges as the largest list has, replaced by as many others.
#[test]
fn no_file_is_written_that_would_not_be_read_back() {
    let scratch = Scratch::new();
    let directory = StateDir::open(&scratch.0).unwrap();
    let replaced = |count: u32| {
        let list = |first: u32| -> Vec<Range> {
            let prefix = |n: u32| format!("{}.{}.{}.0/24", first + n / 65_536, n / 256 % 256, n % 256);
            (0..count).map(|n| range(&prefix(n))).collect()
        };
        let mut gate = Gate::with_baseline(GatePolicy::default(), list(120), None);
        gate.offer(Offer { ranges: list(140), change_number: None, trust: Trust::Local }, Timestamp(1000));
        assert_eq!(gate.pending().len(), 2 * count as usize);
        Gates::from([("file:/a".to_owned(), gate)])
    };
    let gates = replaced(1000);
    gates::save(&directory, &gates).unwrap();
    assert!(gates::load(&directory, GatePolicy::default()).unwrap() == Found::Whole(gates.clone()));
    let each = gates::body(&gates).unwrap().len() as u64 / 1000;
    assert!(each * u64::from(crate::ranges::Policy::HIGHEST_MAX_RANGES) < gates::LIMIT, "{each} bytes each");

    let write = |bytes: usize| gates::write_readable(&directory, "small", KIND, LIMIT, &vec![b' '; bytes]);
    let read = || read_checked(&directory, "small", KIND, LIMIT).unwrap();
    let most = usize::try_from(LIMIT).unwrap() - 256;
    write(most).unwrap();
    assert!(matches!(read(), Found::Whole(_)));
    let error = write(most + 1).unwrap_err();
    assert!(matches!(error, StateError::TooLarge { limit: LIMIT, .. }), "{error}");
    assert!(matches!(read(), Found::Whole(body) if body.len() == most));
}

#[test]
fn an_approval_goes_to_the_daemon_and_the_answer_back() {
    let scratch = Scratch::new();
    let directory = StateDir::open(&scratch.0).unwrap();
    let mut gates = some_gates();
    assert_eq!(approval::take(&directory).unwrap(), Found::Nothing);
    let mut request = Request::of(&gates, Timestamp(2000), 7).unwrap();
    assert_eq!((request.id.as_str(), request.approvals.len()), ("2000-7", 1), "one gate has nothing pending");
    let other = |source: &str| Approval {
        source: source.to_owned(),
        digest: "0".to_owned(),
        prefixes: None,
        reject: false,
    };
    request.approvals.extend(["azure:public", "file:/a \"b\"", "gone"].map(other));
    request.approvals.swap(0, 1);
    approval::submit(&scratch.0, &request).unwrap();
    assert_eq!(approval::take(&directory).unwrap(), Found::Whole(request.clone()));
    assert_eq!(approval::take(&directory).unwrap(), Found::Nothing, "taken once");
    let (decisions, answer) = request.carry_out(&mut gates, Timestamp(2001));
    assert_eq!(decisions.len(), 1);
    let verdicts: Vec<_> = answer.outcomes.iter().map(|outcome| outcome.verdict).collect();
    use Verdict::{Approved, NothingPending, Stale, UnknownSource};
    assert_eq!(verdicts, [Stale, Approved, NothingPending, UnknownSource]);
    assert_eq!(gates["azure:public"].accepted().len(), 2);
    approval::answer(&directory, &answer).unwrap();
    assert_eq!(approval::answer_to(&scratch.0, "other").unwrap(), None);
    assert_eq!(approval::answer_to(&scratch.0, "2000-7").unwrap(), Some(answer));
    assert_eq!(Request::of(&gates, Timestamp(2002), 7), None);
}

#[test]
fn an_approval_may_be_of_some_prefixes_or_a_rejection() {
    let gates = some_gates();
    let all = Approval::of("azure:public", &gates["azure:public"]).unwrap();
    let plain = serde_json::to_string(&all).unwrap();
    assert!(
        !plain.contains("prefixes") && !plain.contains("reject"),
        "an earlier release's daemon reads it: {plain}"
    );
    let only = |prefix: &str| Some(vec![prefix.to_owned()]);
    use Verdict::{Approved, NotPending, Rejected, Stale};
    for (approval, verdict, accepted, waits) in [
        (all.clone(), Approved, 2, false),
        (Approval { prefixes: only("2603:1000::/32"), ..all.clone() }, Approved, 2, false),
        (Approval { reject: true, ..all.clone() }, Rejected, 1, false),
        (Approval { prefixes: only("20.0.0.0/24"), ..all.clone() }, NotPending, 1, true),
        (Approval { prefixes: only("nonsense"), reject: true, ..all.clone() }, NotPending, 1, true),
        (Approval { reject: true, digest: "0".to_owned(), ..all }, Stale, 1, true),
    ] {
        let text = serde_json::to_vec(&approval).unwrap();
        assert_eq!(approval::parse::<Approval>(&text), Ok(approval.clone()));
        let mut gates = gates.clone();
        let (_, outcome) = approval.carry_out(&mut gates, Timestamp(2001));
        assert_eq!(outcome.verdict, verdict, "{approval:?}");
        let gate = &gates["azure:public"];
        assert_eq!((gate.accepted().len(), gate.waits()), (accepted, waits), "{approval:?}");
    }
}

#[test]
fn what_has_no_room_is_approved_in_part() {
    let mut gates = some_gates();
    let approval = Approval::of("azure:public", &gates["azure:public"]).unwrap();
    gates.get_mut("azure:public").unwrap().set_room(crate::generation::gate::Room::none());
    assert_eq!(approval.carry_out(&mut gates, Timestamp(2001)).1.verdict, Verdict::Partly);
}

/// As an earlier release's `approve` wrote it.
#[test]
fn an_approval_by_a_name_with_a_token_is_of_todays_source() {
    let mut gates = some_gates();
    let gate = gates.remove("azure:public").unwrap();
    gates.insert("url:https://a/x".to_owned(), gate);
    let mut request = Request::of(&gates, Timestamp(2000), 7).unwrap();
    request.approvals[0].source = "url:https://a/x?sig=s3cret".to_owned();
    let (decisions, answer) = request.carry_out(&mut gates, Timestamp(2001));
    assert_eq!(answer.outcomes[0].verdict, Verdict::Approved);
    assert!(!format!("{decisions:?} {answer:?}").contains("s3cret"));
}

#[test]
fn a_request_that_is_damaged_is_set_aside_and_not_tried_again() {
    let scratch = Scratch::new();
    let directory = StateDir::open(&scratch.0).unwrap();
    fs::write(scratch.0.join(approval::REQUEST), "{}").unwrap();
    assert!(matches!(approval::take(&directory).unwrap(), Found::Damaged { set_aside: Some(_), .. }));
    assert_eq!(approval::take(&directory).unwrap(), Found::Nothing);
    directory.remove("approval.json.corrupt").unwrap();
    directory.remove("approval.json.corrupt").unwrap();
    assert!(scratch.names().is_empty());
}
