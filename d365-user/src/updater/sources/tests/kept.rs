//! Tests of lists that an earlier daemon saved, together with the embedded list.

use super::*;

/// The contents of the saved document do not matter: it was saved before any gate judged it.
#[test]
fn where_the_gates_are_lost_a_download_is_compared_with_the_embedded_list() {
    for specs in [vec![AZURE], vec![AZURE, Spec::Embedded], vec![url(), Spec::Embedded]] {
        let mut sources = sources(&specs, Gates::new());
        assert_eq!(sources.restore(0, Some(&reading(1, 20, Some("2026-09-07")))), 0);
        assert_eq!(listed(&sources, NOW), 39, "{specs:?}");
        assert_eq!(sources.set(NOW).unwrap().origins()[0].name, "embedded");
        sources.offer(0, &reading(1, 20, Some("2026-09-14")), NOW);
        assert_eq!((waits(&sources, "addition"), waits(&sources, "removal")), (20, 1), "{specs:?}");
        assert_eq!(listed(&sources, NOW), 39);
        // A gate's decision has priority over the saved document.
        let mut again = restarted(&sources, &specs);
        again.restore(0, Some(&reading(2, 1, Some("2026-09-14"))));
        assert_eq!((listed(&again, NOW), waits(&again, "addition")), (39, 20));
        assert_eq!(
            again.set(NOW).unwrap().origins()[0].date,
            None,
            "the accepted list is not the one that was saved last"
        );
    }
}

#[test]
fn where_nothing_can_be_compared_the_next_list_is_the_first() {
    for spec in [url(), Spec::Azure(Cloud::China)] {
        let mut sources = sources(std::slice::from_ref(&spec), Gates::new());
        sources.restore(0, Some(&reading(0, 20, Some("2026-09-07"))));
        assert!(matches!(sources.set(NOW), Err(RangeError::Empty)), "{spec}");
        sources.offer(0, &reading(0, 2, Some("2026-09-14")), NOW);
        assert_eq!((listed(&sources, NOW), sources.pending().iter().map(|(_, n)| n).sum()), (41, 0_u64));
    }
}

/// No range that is listed because the program's own list is newer leaves the list when the network offers
/// the same.
#[test]
fn a_list_from_before_the_embedded_one_is_used_with_it_and_no_range_goes_by_the_first_download() {
    let old = Some("2026-05-04");
    let mut sources = sources(&[AZURE], Gates::new());
    sources.offer(0, &reading(10, 1, old), Timestamp(MADE.0 - 86_400));
    sources.offer(0, &reading(9, 1, old), Timestamp(MADE.0 - 86_000));
    assert_eq!(waits(&sources, "addition"), 1);
    let mut sources = restarted(&sources, &[AZURE]);
    let adopted = sources.restore(0, Some(&reading(10, 1, old)));
    assert_eq!((adopted, listed(&sources, NOW), waits(&sources, "addition")), (10, 40, 0));
    sources.offer(0, &reading(0, 0, Some("2026-10-26")), NOW);
    assert_eq!((listed(&sources, NOW), waits(&sources, "removal")), (40, 1));
    assert_eq!(sources.confirmations(), [here(NOW)]);
    let mut again = restarted(&sources, &[AZURE]);
    assert_eq!(again.restore(0, Some(&reading(0, 0, Some("2026-10-26")))), 0, "it is newer now");
}

#[test]
fn without_its_document_a_gates_list_is_as_old_as_its_last_confirmation() {
    for (confirmed, adopted) in [(MADE.0 - 1, 10), (MADE.0 + 1, 0)] {
        let mut sources = sources(&[AZURE], Gates::new());
        sources.offer(0, &reading(10, 0, None), Timestamp(confirmed));
        let mut again = restarted(&sources, &[AZURE]);
        assert_eq!(again.restore(0, None), adopted);
        assert_eq!(listed(&again, NOW), 29 + adopted);
    }
}

/// A URL may serve any list. With `embedded` as a source, the embedded ranges are listed anyway.
#[test]
fn only_the_public_tag_alone_is_compared_in_age() {
    for specs in [vec![url()], vec![Spec::Azure(Cloud::China)], vec![AZURE, Spec::Embedded]] {
        let mut sources = sources(&specs, Gates::new());
        assert_eq!(sources.restore(0, Some(&reading(10, 0, Some("2020-01-06")))), 0, "{specs:?}");
    }
}
