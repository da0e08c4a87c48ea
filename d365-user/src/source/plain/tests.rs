//! The plain list: accepted texts, rejected texts with their messages, and a check that nothing panics.

use proptest::prelude::*;

use super::super::{Spec, load};
use super::*;
use crate::geo::GeoCode;

const NAME: &str = "file:/etc/d365/ranges.csv";

fn written(text: &[u8]) -> Vec<String> {
    let show = |r: &ListEntry| {
        format!(
            "{} {} {} {}",
            r.line,
            r.prefix,
            r.geo.unwrap_or(GeoCode::UNKNOWN),
            r.region.as_deref().unwrap_or("-")
        )
    };
    parse(text, NAME).unwrap().entries.iter().map(show).collect()
}

fn refused(text: &[u8]) -> String {
    parse(text, NAME).unwrap_err().to_string()
}

#[test]
fn every_form_of_a_line_is_read() {
    let text = b"# my list\n\n40.78.242.0/25\n 13.71.171.0/24 , can # Toronto\n2603:1000::7/40,,West US 2\n1.2.3.4,FRA,\n";
    let expected = [
        "3 40.78.242.0/25 ZZZ -",
        "4 13.71.171.0/24 CAN -",
        "5 2603:1000::7/40 ZZZ West US 2",
        "6 1.2.3.4/32 FRA -",
    ];
    assert_eq!(written(text), expected);
}

#[test]
fn byte_order_mark_crlf_and_a_missing_last_line_end_do_not_matter() {
    let expected = ["1 1.2.3.0/24 NAM -", "3 5.6.7.0/24 ZZZ -"];
    assert_eq!(written(b"\xef\xbb\xbf1.2.3.0/24,NAM\r\n\r\n5.6.7.0/24"), expected);
    assert_eq!(written(b"1.2.3.0/24,NAM\n\n5.6.7.0/24\n"), expected);
}

#[test]
fn messages_name_list_line_and_remedy() {
    let expected = [
        (
            &b"1.2.3.0/24\n1.2.3.0/33"[..],
            "file:/etc/d365/ranges.csv, line 2: prefix length \"33\" is not a number from 0 to 32",
        ),
        (
            b"subnet,geo\n",
            "file:/etc/d365/ranges.csv, line 1: \"subnet\" is not an IPv4 or IPv6 prefix; \
             write it like 40.78.242.0/25 or 2603:1000::/40",
        ),
        (
            b"prefix,geo\n",
            "file:/etc/d365/ranges.csv: no prefix in it; write one prefix[,geo[,region]] a line",
        ),
        (
            b"# ours\nprefix,country\n",
            "file:/etc/d365/ranges.csv, line 2: the header names the column \"country\"; known are prefix, geo, geo_source, \
             region, azure_region and mark",
        ),
        (
            b"prefix,geo\n1.2.3.0/24\n",
            "file:/etc/d365/ranges.csv, line 2: 1 fields, and the header names 2 columns; write each, separated as the header's \
             are",
        ),
        (
            b"1.2.3.0/24\nprefix,geo\n",
            "file:/etc/d365/ranges.csv, line 2: \"prefix\" is not an IPv4 or IPv6 prefix; \
             write it like 40.78.242.0/25 or 2603:1000::/40",
        ),
        (
            b"1.2.3.0/24,France",
            "file:/etc/d365/ranges.csv, line 1: \"France\" is not a geo code; write three letters, like NAM, \
             or leave it empty",
        ),
        (
            b"1.2.3.0/24,FRA,x\x07",
            "file:/etc/d365/ranges.csv, line 1: \"x\\u{7}\" is not a region name; write it like WestUS2, or leave it out",
        ),
        (
            b"1.2.3.0/24,FRA,x,y",
            "file:/etc/d365/ranges.csv, line 1: 4 fields, and at most 3 are known; write prefix[,geo[,region]]",
        ),
        (b"\n# Z\xfcrich\n", "file:/etc/d365/ranges.csv, line 2: not UTF-8 text; save the list as UTF-8"),
        (
            b"# nothing\n\n",
            "file:/etc/d365/ranges.csv: no prefix in it; write one prefix[,geo[,region]] a line",
        ),
        (b"", "file:/etc/d365/ranges.csv: no prefix in it; write one prefix[,geo[,region]] a line"),
    ];
    for (text, message) in expected {
        assert_eq!(refused(text), message);
    }
}

#[test]
fn the_limits_are_exact() {
    let line = |length: usize| format!("1.2.3.0/24#{}", "x".repeat(length - 11)).into_bytes();
    assert_eq!(written(&line(line::MAX_LINE)).len(), 1);
    assert!(
        refused(&line(line::MAX_LINE + 1))
            .ends_with("line 1: longer than 1024 bytes; write one prefix a line")
    );

    assert_eq!(entries(&b"1.2.3.4\n".repeat(5), NAME, 5).unwrap().len(), 5);
    let error = entries(&b"1.2.3.4\n".repeat(6), NAME, 5).unwrap_err().to_string();
    assert_eq!(error, "file:/etc/d365/ranges.csv: more than 5 prefixes; shorten the list");
}

#[test]
fn an_unreadable_file_is_an_error_that_names_it() {
    let message = |path: &str| load(&Spec::File(path.into())).unwrap_err().to_string();
    let absent = message("/nonexistent/ranges.csv");
    assert!(
        absent.starts_with("cannot read the range list /nonexistent/ranges.csv: No such file"),
        "{absent}"
    );
    assert!(absent.ends_with("; check the path and its permissions"), "{absent}");
    assert!(message("/").starts_with("the range list / is a directory; name a regular file"));
    assert!(message("/dev/zero").starts_with("the range list /dev/zero is a device; "));
}

fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(|[a, b, c, d]| format!("{a}.{b}.{c}.{d}")),
        (any::<u32>(), 0..40u8).prop_map(|(a, length)| format!("{}/{length}", std::net::Ipv4Addr::from(a))),
        (any::<u128>(), 0..140u8).prop_map(|(a, length)| format!("{}/{length}", std::net::Ipv6Addr::from(a))),
        "[A-Z]{3}",
        "[ -~]{0,12}",
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn any_fields_are_a_list_or_an_error_of_one_line(lines in prop::collection::vec(prop::collection::vec(field(), 0..5), 0..5)) {
        let text = lines.iter().map(|fields| fields.join(",")).collect::<Vec<_>>().join("\n");
        if let Err(error) = parse(text.as_bytes(), NAME) {
            prop_assert!(!error.to_string().contains(char::is_control));
        }
    }
}
