//! The text forms of tags: parses the operator's text, and formats a tag in the same form. Pure.
//!
//! `d365_common` defines the tags and their place in a packet.

use std::num::ParseIntError;

pub mod dscp;
pub mod mark;

/// A number in decimal, or after `0x` in hexadecimal.
fn number(text: &str) -> Result<u32, ParseIntError> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        // `from_str_radix` would take a sign here too.
        Some(digits) if !digits.starts_with(['+', '-']) => u32::from_str_radix(digits, 16),
        _ => text.parse(),
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_decimal_or_hexadecimal() {
        for (text, meant) in [("0", 0), ("8", 8), ("010", 10), ("0x10", 16), ("0XfF", 255)] {
            assert_eq!(number(text), Ok(meant), "{text}");
        }
        assert_eq!(number("0xffffffff"), Ok(u32::MAX));
        for text in ["", "0x", "x10", "-1", "0x-1", "0x+1", "1 ", "0x100000000", "4294967296", "ten"] {
            assert!(number(text).is_err(), "{text}");
        }
    }
}
