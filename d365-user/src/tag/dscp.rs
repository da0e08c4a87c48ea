//! Code points by name or number, as `iptables -j DSCP` and `tc` take them.
//!
//! The names are those of IANA's registry of DSCP values: class selectors (RFC 2474), assured forwarding
//! (RFC 2597), expedited forwarding (RFC 3246), voice-admit (RFC 5865) and lower effort (RFC 8622).

use d365_common::dscp::Dscp;

use super::number;

/// The names, each with a number of its own.
const NAMES: [(&str, u8); 22] = [
    ("CS1", 8),
    ("CS2", 16),
    ("CS3", 24),
    ("CS4", 32),
    ("CS5", 40),
    ("CS6", 48),
    ("CS7", 56),
    ("AF11", 10),
    ("AF12", 12),
    ("AF13", 14),
    ("AF21", 18),
    ("AF22", 20),
    ("AF23", 22),
    ("AF31", 26),
    ("AF32", 28),
    ("AF33", 30),
    ("AF41", 34),
    ("AF42", 36),
    ("AF43", 38),
    ("EF", 46),
    ("VA", 44),
    ("LE", 1),
];

/// The names of code point 0.
const DEFAULT: [&str; 4] = ["CS0", "DF", "BE", "DEFAULT"];

/// The text is not a code point that can be a tag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the variants and fields are")]
pub enum DscpError {
    #[error(
        "`{}` is no code point: give a name (CS1 to CS7, AF11 to AF43, EF, VA, LE) or a number from 1 to 63",
        .0.escape_debug()
    )]
    Unknown(String),
    /// The code point of every packet that nobody gives another.
    #[error("the code point 0 (CS0) is what packets bear that have no tag; give another")]
    Zero,
    #[error(
        "{0} is more than 63: give the code point, without the two bits of ECN behind it (byte 0x20 is code point 8)"
    )]
    TooLarge(u32),
}

/// Reads a name, in whatever case, or a number, decimal or with `0x` in hexadecimal.
pub fn read(text: &str) -> Result<Dscp, DscpError> {
    let is = |name: &&str| text.eq_ignore_ascii_case(name);
    if DEFAULT.iter().any(is) {
        return Err(DscpError::Zero);
    }
    let named = NAMES.iter().find(|(name, _)| is(name)).map(|(_, number)| u32::from(*number));
    let number = match named {
        Some(number) => number,
        None => number(text).map_err(|_| DscpError::Unknown(text.to_owned()))?,
    };
    if number == 0 {
        return Err(DscpError::Zero);
    }
    u8::try_from(number).ok().and_then(Dscp::new).ok_or(DscpError::TooLarge(number))
}

/// Its name and number (`CS1 (8)`), or the number alone.
#[must_use]
pub fn text(dscp: Dscp) -> String {
    let number = dscp.number();
    let name = NAMES.iter().find(|(_, named)| *named == number);
    name.map_or_else(|| number.to_string(), |(name, _)| format!("{name} ({number})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The layouts that the RFCs give: `xxx000`, and `xxxyy0` with a class and a drop precedence.
    #[test]
    fn numbers_follow_from_the_names() {
        for (name, number) in NAMES {
            let digits: Vec<u8> = name.bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect();
            let expected = match digits[..] {
                [class] => class << 3,
                [class, precedence] => class << 3 | precedence << 1,
                _ => match name {
                    "EF" => 0b10_1110,
                    "VA" => 0b10_1100,
                    "LE" => 0b00_0001,
                    _ => panic!("{name}"),
                },
            };
            assert_eq!(number, expected, "{name}");
        }
    }

    #[test]
    fn names_are_read_in_any_case_and_numbers_too() {
        for (name, number) in NAMES {
            for written in [name.to_owned(), name.to_lowercase(), number.to_string(), format!("{number:#x}")]
            {
                let dscp = read(&written).unwrap();
                assert_eq!(dscp.number(), number, "{written}");
                assert_eq!(text(dscp), format!("{name} ({number})"));
            }
        }
        assert_eq!(read("cS1"), Ok(Dscp::DEFAULT));
        for number in 1..=63 {
            assert_eq!(read(&number.to_string()).map(Dscp::number), Ok(number));
        }
        assert_eq!(text(read("63").unwrap()), "63");
    }

    #[test]
    fn what_cannot_be_a_tag_is_refused_with_the_reason() {
        for text in ["0", "0x0", "cs0", "CS0", "df", "be", "default"] {
            assert_eq!(read(text), Err(DscpError::Zero), "{text}");
        }
        for (text, number) in [("64", 64), ("0xb8", 184), ("256", 256), ("264", 264)] {
            assert_eq!(read(text), Err(DscpError::TooLarge(number)), "{text}");
        }
        for text in ["", "CS8", "AF14", "AF51", "EF ", "-8", "CS1,CS2"] {
            assert_eq!(read(text), Err(DscpError::Unknown(text.to_owned())), "{text}");
        }
    }
}
