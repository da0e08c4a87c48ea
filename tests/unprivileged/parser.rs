//! The host's copy of the parser against the corpus, and against every truncation of it.

use d365_common::{
    packet::{self, Reason, Segment},
    verdict::Class,
};
use d365_tests::corpus::{self, Case, Expected};

/// Judges a frame as the kernel program does, with port 25 watched.
fn judge(frame: &[u8]) -> Expected {
    judge_by(frame, &[25])
}

/// Judges a frame as the kernel program does, with these ports watched.
pub(crate) fn judge_by(frame: &[u8], watched: &[u16]) -> Expected {
    match packet::parse(frame, |port| watched.contains(&port)) {
        Ok(Segment { source, opens, .. }) => Expected::Smtp { source: source.into(), opens },
        Err(reason) => Expected::Other(Class::from(reason).as_str()),
    }
}

#[test]
fn every_case_is_what_it_is() {
    let wrong: Vec<String> = corpus::all()
        .iter()
        .filter(|case| judge(&case.frame) != case.expected)
        .map(|case| format!("{}: {:?}, not {:?}", case.name, judge(&case.frame), case.expected))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_corpus_has_every_class() {
    let cases = corpus::all();
    for class in Class::OTHERS {
        let expected = Expected::Other(class.as_str());
        assert!(cases.iter().any(|case| case.expected == expected), "no case of {}", class.as_str());
    }
    assert!(cases.iter().any(|case| matches!(case.expected, Expected::Smtp { opens: true, .. })));
    assert!(cases.iter().any(|case| matches!(case.expected, Expected::Smtp { opens: false, .. })));
}

/// A frame without padding ends where its packet says, so each cut goes through something: no cut may be
/// taken for a segment, and a cut within the headers may not read behind its end.
#[test]
fn every_truncation_of_every_combination_is_malformed() {
    for Case { name, frame, .. } in corpus::combinations() {
        for length in 0..frame.len() {
            let verdict = judge(&frame[..length]);
            assert_eq!(
                verdict,
                Expected::Other("malformed"),
                "{name}, cut after {length} of {}",
                frame.len()
            );
        }
    }
}

/// Whatever a case is, its truncations are that (what is cut was not looked at) or malformed.
#[test]
fn no_truncation_becomes_something_else() {
    for Case { name, frame, expected } in corpus::all() {
        for length in 0..frame.len() {
            let verdict = judge(&frame[..length]);
            let allowed = verdict == Expected::Other("malformed") || verdict == expected;
            assert!(allowed, "{name}, cut after {length}: {verdict:?}");
        }
    }
}

#[test]
fn no_port_is_watched_unless_asked_for() {
    for Case { name, frame, expected } in corpus::all() {
        if matches!(expected, Expected::Smtp { .. }) {
            assert_eq!(packet::parse(&*frame, |_| false), Err(Reason::OtherPort), "{name}");
        }
    }
}
