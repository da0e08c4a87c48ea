//! Decodes the encodings that may hide a URL in a page: character references of HTML and escapes of JSON.
//! Total, and linear in its input.

/// Longest reference that is decoded, from its first byte to its last (`&#x0010FFFF;`).
const MAX_LENGTH: usize = 12;

/// Named references for characters that occur in a URL or end one.
const NAMED: [(&str, char); 12] = [
    ("amp", '&'),
    ("apos", '\''),
    ("colon", ':'),
    ("equals", '='),
    ("gt", '>'),
    ("lowbar", '_'),
    ("lt", '<'),
    ("num", '#'),
    ("period", '.'),
    ("quest", '?'),
    ("quot", '"'),
    ("sol", '/'),
];

/// Returns the text with these references and escapes decoded: numeric references, the usual named ones, `\/`
/// and `\uXXXX`. There is one pass: the result is not decoded again.
pub(super) fn decode(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['&', '\\']) {
        decoded.push_str(&rest[..at]);
        rest = &rest[at..];
        let (character, length) = reference(rest).or_else(|| escape(rest)).unwrap_or_else(|| {
            let first = if rest.starts_with('&') { '&' } else { '\\' };
            (first, 1)
        });
        decoded.push(character);
        rest = &rest[length..];
    }
    decoded.push_str(rest);
    decoded
}

/// Returns the character of a reference at the beginning, and the length of the reference.
fn reference(rest: &str) -> Option<(char, usize)> {
    let inside = rest.strip_prefix('&')?;
    let end = inside.bytes().take(MAX_LENGTH).position(|byte| byte == b';')?;
    let name = &inside[..end];
    let character = match name.strip_prefix('#') {
        Some(number) => {
            let number = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(number.ok()?)?
        }
        None => NAMED.iter().find(|(known, _)| *known == name)?.1,
    };
    Some((character, end + 2))
}

/// Returns the character of a JSON escape at the beginning, and the length of the escape.
fn escape(rest: &str) -> Option<(char, usize)> {
    let escaped = rest.strip_prefix('\\')?;
    if escaped.starts_with('/') {
        return Some(('/', 2));
    }
    let digits = escaped.strip_prefix('u')?.get(..4)?;
    let number = u32::from_str_radix(digits, 16).ok()?;
    Some((char::from_u32(number)?, 6))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn references_and_escapes_are_undone() {
        assert_eq!(decode("https&#58;&#x2f;&#X2F;a&sol;b&amp;c"), "https://a/b&c");
        assert_eq!(decode(r"https:\/\/a\u002Fb\u0026c"), "https://a/b&c");
        assert_eq!(decode("&quot;&apos;&lt;&gt;&colon;&period;&lowbar;"), "\"'<>:._");
    }

    #[test]
    fn what_is_none_stays() {
        for text in [
            "",
            "&",
            "\\",
            "&;",
            "&#;",
            "&#x;",
            "&#xD800;",
            "&#x110000;",
            "&nosuch;",
            "& amp;",
            "a&b",
            "\\n",
            "\\u",
            "\\u00",
            "\\u00é9",
            "\\uD800",
            "&#99999999999999;",
            "&é;",
        ] {
            assert_eq!(decode(text), text);
        }
        assert_eq!(decode("&amp;#x2F;"), "&#x2F;", "one pass");
    }

    proptest! {
        #[test]
        fn any_text_can_be_decoded(text in "([&\\\\;#xu/0-9a-f]|\\PC)*") {
            prop_assert!(decode(&text).len() <= text.len());
        }
    }
}
