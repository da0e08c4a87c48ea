//! Comments, fields and prefixes, shared by the line-by-line formats. The functions are total: any bytes give
//! fields or a [`LineError`].

use std::net::IpAddr;

use ipnet::IpNet;

use crate::geo::GeoCode;

/// Longest line, in bytes without its end. The longest sensible line has about a hundred bytes.
pub(super) const MAX_LINE: usize = 1_024;
/// Longest region name, in bytes. Azure's names have up to 20.
const MAX_REGION: usize = 64;
/// Longest part of an invalid text that a message shows, in characters.
const SHOWN: usize = 48;

/// The problem in a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant describes it and its fields")]
pub enum LineError {
    #[error("longer than {MAX_LINE} bytes; write one prefix a line")]
    TooLong,
    #[error("not UTF-8 text; save the list as UTF-8")]
    NotUtf8,
    #[error("{found} fields, and at most {most} are known; write prefix[,geo[,region]]")]
    TooManyFields { found: usize, most: usize },
    #[error(
        "the header names the column {0:?}; known are prefix, geo, geo_source, region, azure_region and mark"
    )]
    UnknownColumn(String),
    #[error("the header names the column {0:?} for the second time")]
    ColumnTwice(String),
    #[error(
        "{found} fields, and the header names {named} columns; write each, separated as the header's are"
    )]
    NotTheHeaders { found: usize, named: usize },
    #[error("{0:?} is not an IPv4 or IPv6 prefix; write it like 40.78.242.0/25 or 2603:1000::/40")]
    NotAPrefix(String),
    #[error("prefix length {length:?} is not a number from 0 to {most}")]
    Length { length: String, most: u8 },
    #[error("{0:?} is not a geo code; write three letters, like NAM, or leave it empty")]
    NotAGeo(String),
    #[error("{0:?} is not a region name; write it like WestUS2, or leave it out")]
    NotARegion(String),
}

/// Returns the lines of a text with their numbers, from 1. The byte order mark and the line ends (LF or CRLF)
/// are removed.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = (usize, Result<&str, LineError>)> {
    let text = super::without_mark(text);
    text.split(|byte| *byte == b'\n').map(readable).enumerate().map(|(index, line)| (index + 1, line))
}

fn readable(line: &[u8]) -> Result<&str, LineError> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() > MAX_LINE {
        return Err(LineError::TooLong);
    }
    std::str::from_utf8(line).map_err(|_| LineError::NotUtf8)
}

/// Returns the fields of a line, without the white space around them. The result is empty if the line is
/// blank or has only a comment.
pub(super) fn fields(line: &str) -> Vec<&str> {
    let content = line.split('#').next().unwrap_or_default();
    if content.trim().is_empty() { Vec::new() } else { content.split(',').map(str::trim).collect() }
}

/// Reads a prefix as written, with its host bits. A bare address is one host. This reader is stricter than
/// ipnet's own, which accepts octets with leading zeros. Other programs read such octets as octal.
pub(super) fn prefix(field: &str) -> Result<IpNet, LineError> {
    let (address, length) = match field.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (field, None),
    };
    let address: IpAddr = address.parse().map_err(|_| LineError::NotAPrefix(excerpt(field)))?;
    let Some(length) = length else { return Ok(address.into()) };
    let wrong = || LineError::Length { length: excerpt(length), most: IpNet::from(address).max_prefix_len() };
    if !length.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    length.parse().ok().and_then(|bits| IpNet::new(address, bits).ok()).ok_or_else(wrong)
}

/// Reads a geo code in upper or lower case. Returns `None` for an empty field.
pub(super) fn geo(field: &str) -> Result<Option<GeoCode>, LineError> {
    if field.is_empty() {
        return Ok(None);
    }
    let code = GeoCode::new(&field.to_ascii_uppercase());
    code.map(Some).ok_or_else(|| LineError::NotAGeo(excerpt(field)))
}

/// Returns the name of a region as written, or `None` for an empty field. A comma would end the field where
/// the list is written again.
pub(super) fn region(field: &str) -> Result<Option<String>, LineError> {
    let is_valid = |byte: u8| byte == b' ' || byte.is_ascii_graphic() && byte != b',';
    if field.len() > MAX_REGION || !field.bytes().all(is_valid) {
        return Err(LineError::NotARegion(excerpt(field)));
    }
    Ok(Some(field.to_owned()).filter(|name| !name.is_empty()))
}

/// Shortens an invalid text to the part that a message shows.
pub(super) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(field: &str) -> String {
        prefix(field).map_or_else(|error| error.to_string(), |prefix| prefix.to_string())
    }

    #[test]
    fn prefixes_are_read_as_written() {
        assert_eq!(written("40.78.242.0/25"), "40.78.242.0/25");
        assert_eq!(written("40.78.242.7/25"), "40.78.242.7/25");
        assert_eq!(written("40.78.242.7"), "40.78.242.7/32");
        assert_eq!(written("2603:1000::1"), "2603:1000::1/128");
        assert_eq!(written("2603:1000::/40"), "2603:1000::/40");
        assert_eq!(written("0.0.0.0/0"), "0.0.0.0/0");
        assert_eq!(written("::ffff:1.2.3.4/128"), "::ffff:1.2.3.4/128");
    }

    #[test]
    fn what_is_no_prefix_is_named() {
        let octal =
            "\"010.0.0.1/8\" is not an IPv4 or IPv6 prefix; write it like 40.78.242.0/25 or 2603:1000::/40";
        assert_eq!(written("010.0.0.1/8"), octal);
        for field in
            ["", "/", "/24", "1.2.3/24", "1.2.3.4.5/24", "256.1.1.1/8", "fe80::1%eth0/64", "x", "１.2.3.4"]
        {
            assert_eq!(prefix(field), Err(LineError::NotAPrefix(field.to_owned())));
        }
        assert_eq!(written("1.2.3.4/33"), "prefix length \"33\" is not a number from 0 to 32");
        assert_eq!(written("2603::/129"), "prefix length \"129\" is not a number from 0 to 128");
        for length in ["", "-1", "+24", " 24", "256", "99999999999", "255.255.255.0", "24/24"] {
            let error = LineError::Length { length: length.to_owned(), most: 32 };
            assert_eq!(prefix(&format!("1.2.3.4/{length}")), Err(error));
        }
    }

    #[test]
    fn messages_show_a_bounded_part_without_control_characters() {
        let message = written(&"\u{1b}[2Jß".repeat(100));
        assert!(message.len() < 400 && !message.contains('\u{1b}'), "{message}");
    }

    #[test]
    fn a_comment_ends_the_fields() {
        assert_eq!(fields(" a , b # c, d"), ["a", "b"]);
        assert_eq!(fields("a,,"), ["a", "", ""]);
        for blank in ["", " ", "\t", "# a", "  # a"] {
            assert!(fields(blank).is_empty());
        }
    }
}
