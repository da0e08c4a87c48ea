//! A case as text in three paragraphs: the reason for keeping it, its class, and its bytes in hexadecimal.
//!
//! ```text
//! An authentication header of 8 bytes is shorter than its own fixed fields (RFC 4302, 2.2).
//!
//! malformed
//!
//! 02 00 00 00 00 01 02 00 …
//! ```
//!
//! The second paragraph is the label of a class, or `segment from 192.0.2.9` for a segment to port 25. A
//! segment with SYN and without ACK has `, opens` behind the address.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};

use super::{Case, Expected};

const SEGMENT: &str = "segment from ";
const OPENS: &str = ", opens";
const CLASSES: [&str; 6] =
    ["other_port", "not_tcp", "not_ip", "later_fragment", "malformed", "too_many_headers"];
const BYTES_A_LINE: usize = 16;

pub(crate) fn read(name: &str, text: &str) -> Result<Case> {
    let paragraphs: Vec<&str> = text.trim().split("\n\n").map(str::trim).collect();
    let [reason, is, bytes] = paragraphs[..] else {
        anyhow::bail!("{name} has {} paragraphs, not three", paragraphs.len())
    };
    ensure!(!reason.is_empty(), "{name} does not say why it is kept");
    let expected = expected(is).with_context(|| format!("{name} is no {is:?}"))?;
    let byte = |digits| u8::from_str_radix(digits, 16).with_context(|| format!("{name}: {digits:?}"));
    let frame = bytes.split_whitespace().map(byte).collect::<Result<_>>()?;
    Ok(Case { name: name.to_owned(), frame, expected })
}

#[must_use]
pub(super) fn written(reason: &str, expected: Expected, frame: &[u8]) -> String {
    let mut text = format!("{reason}\n\n");
    match expected {
        Expected::Smtp { source, opens } => {
            let _ = writeln!(text, "{SEGMENT}{source}{}", if opens { OPENS } else { "" });
        }
        Expected::Other(class) => {
            let _ = writeln!(text, "{class}");
        }
    }
    text.push('\n');
    for line in frame.chunks(BYTES_A_LINE) {
        let bytes: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let _ = writeln!(text, "{}", bytes.join(" "));
    }
    text
}

fn expected(text: &str) -> Option<Expected> {
    let Some(segment) = text.strip_prefix(SEGMENT) else {
        return CLASSES.into_iter().find(|class| *class == text).map(Expected::Other);
    };
    let (source, opens) = segment.strip_suffix(OPENS).map_or((segment, false), |source| (source, true));
    Some(Expected::Smtp { source: source.parse().ok()?, opens })
}

#[cfg(test)]
mod tests {
    use super::{Expected, read, written};

    #[test]
    fn what_is_written_is_read_again() {
        let source = "2001:db8::9".parse().unwrap();
        let all = [
            Expected::Smtp { source, opens: true },
            Expected::Smtp { source, opens: false },
            Expected::Other("later_fragment"),
        ];
        let frame: Vec<u8> = (0..=255).collect();
        for expected in all {
            let case = read("case", &written("A reason\nof two lines.", expected, &frame)).unwrap();
            assert_eq!((case.frame, case.expected), (frame.clone(), expected));
        }
    }

    #[test]
    fn half_a_case_is_none() {
        for text in [
            "",
            "A reason.\n\nmalformed\n",
            "A reason.\n\nodd\n\n00",
            "A reason.\n\nmalformed\n\n0x",
            "malformed\n\n00",
        ] {
            assert!(read("case", text).is_err(), "{text:?}");
        }
    }
}
