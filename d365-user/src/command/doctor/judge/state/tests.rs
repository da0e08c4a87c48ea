//! Tests of each check in each of its levels.

use super::*;
use crate::{cli::Cli, command::doctor::finding::Level, kernel::survey::Unknown, settings::LeaseTerm};

const LIST: Timestamp = Timestamp(1_785_715_200);
const NOW: Timestamp = Timestamp(LIST.0 + 100 * 86_400);

fn there(mode: u32, writers: &[Writer], refused: Option<&str>) -> Directory {
    let (owner, writers) = ("root:root".to_owned(), writers.to_vec());
    Directory::There { owner, mode, writers, refused: refused.map(str::to_owned) }
}

fn fit() -> State {
    State {
        path: "/var/lib/d365".into(),
        directory: there(0o700, &[], None),
        held: Ok(Some(Some(7))),
        ailing: Ok(Vec::new()),
        lists: Ok(vec![("file:/etc/d365/list".to_owned(), Ok(Vec::new()))]),
        confirmed: Ok(Some(vec![("azure:public".to_owned(), Timestamp(NOW.0 - 60))])),
    }
}

fn levels(change: impl Fn(&mut State)) -> Vec<Level> {
    let mut state = fit();
    change(&mut state);
    judge(&state, NOW, Some(LIST)).iter().map(|finding| finding.judgement.level).collect()
}

fn unknown<T>() -> Fact<T> {
    Err(Unknown::Refused("no".to_owned()))
}

const OK: Level = Level::Ok;
const WARNING: Level = Level::Warning;

#[test]
fn a_directory_in_use_is_fine() {
    assert_eq!(levels(|_| {}), [OK; 5]);
    assert_eq!(levels(|state| state.held = Ok(None)), [OK; 5]);
}

#[test]
fn a_directory_has_its_levels() {
    assert_eq!(levels(|state| state.directory = Directory::Missing), [WARNING]);
    assert_eq!(levels(|state| state.directory = Directory::Other), [Level::Error]);
    let refused = |state: &mut State| state.directory = Directory::Unknown(Unknown::Refused("no".to_owned()));
    assert_eq!(levels(refused), [WARNING]);
    assert_eq!(levels(|state| state.directory = there(0o757, &[Writer::Everybody], None))[0], WARNING);
    assert_eq!(levels(|state| state.directory = there(0o770, &[Writer::Group(7)], None))[0], WARNING);
    assert_eq!(levels(|state| state.directory = there(0o700, &[], None))[0], OK);
    for mode in [0o710, 0o740, 0o750, 0o701, 0o704] {
        assert_eq!(levels(|state| state.directory = there(mode, &[], None))[0], WARNING, "{mode:o}");
    }
    assert_eq!(levels(|state| state.directory = there(0o700, &[], Some("no")))[0], WARNING);
}

#[test]
fn what_could_not_be_asked_is_a_warning() {
    let blind = |state: &mut State| {
        (state.held, state.ailing) = (unknown(), unknown());
        (state.lists, state.confirmed) = (unknown(), unknown());
    };
    assert_eq!(levels(blind), [OK, WARNING, WARNING, WARNING, WARNING]);
}

#[test]
fn a_list_that_others_may_write_or_that_is_missing_is_named() {
    let open = ("file:/a".to_owned(), Ok(vec![Writer::Group(7), Writer::Everybody]));
    let missing = ("file:/b".to_owned(), Err("not there".to_owned()));
    let fine = ("file:/c".to_owned(), Ok(Vec::new()));
    let by_others = "may be written to or replaced: file:/a by group 7, everybody; ";
    for (list, parts) in [
        (vec![open.clone(), fine.clone()], &[by_others][..]),
        (vec![missing.clone(), fine.clone()], &["cannot be examined: file:/b (not there)"]),
        (vec![open, missing, fine], &[by_others, "cannot be examined: file:/b (not there)"]),
    ] {
        let finding = &judge(&State { lists: Ok(list), ..fit() }, NOW, Some(LIST))[2];
        assert_eq!(finding.judgement.level, WARNING);
        assert!(
            parts.iter().all(|part| finding.judgement.found.contains(part)),
            "{}",
            finding.judgement.found
        );
        assert!(!finding.judgement.found.contains("/c"), "{}", finding.judgement.found);
    }
    assert_eq!(judge(&State { lists: Ok(Vec::new()), ..fit() }, NOW, Some(LIST))[2].judgement.level, OK);
}

#[test]
fn each_damaged_file_is_named() {
    let state = State { ailing: Ok(vec![("gate.json".to_owned(), "damaged: why".to_owned())]), ..fit() };
    let finding = &judge(&state, NOW, Some(LIST))[1];
    assert_eq!(finding.judgement.level, WARNING);
    assert_eq!(finding.judgement.found, "1 file not whole: gate.json: damaged: why");
}

#[test]
fn each_source_has_its_own_lease() {
    let last = |confirmed: Option<&[(&str, u64)]>, now| {
        let confirmed =
            confirmed.map(|all| all.iter().map(|(name, at)| ((*name).to_owned(), Timestamp(*at))).collect());
        let finding =
            judge(&State { confirmed: Ok(confirmed), ..fit() }, Timestamp(now), Some(LIST)).remove(4);
        (finding.judgement.level, finding.judgement.found)
    };
    let fresh = last(Some(&[("azure:public", NOW.0 - 9)]), NOW.0);
    assert!(fresh.0 == OK && fresh.1.starts_with("last confirmed: azure:public 2"), "{fresh:?}");
    let one = last(Some(&[("old", 5), ("azure:public", NOW.0 - 9)]), NOW.0);
    assert!(one.0 == WARNING && one.1.ends_with("lease of 14 days: old"), "{one:?}");
    let stale = last(Some(&[("azure:public", NOW.0 - DEFAULT_LEASE.as_secs())]), NOW.0);
    assert_eq!(stale.0, WARNING, "{stale:?}");
    assert_eq!(last(None, NOW.0).0, WARNING, "the embedded list's own time is over");
    assert_eq!(last(None, LIST.0 + 60).0, OK);
    let never = judge(&State { confirmed: Ok(None), ..fit() }, NOW, None).remove(4);
    assert_eq!(never.judgement.level, WARNING);
}

#[test]
fn the_default_lease_is_the_daemons() {
    let cli = Cli::parse_from(["d365-user", "--iface", "m0"]).unwrap();
    assert_eq!(cli.daemon.updates.lease, LeaseTerm::For(DEFAULT_LEASE));
}
