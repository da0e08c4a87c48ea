//! Lists that exist but cannot be read as they are: compressed files, and text in UTF-16. Their first bytes
//! identify them. Pure: no I/O.

/// Bytes at the beginning of a text that determine its format.
const HEAD: usize = 1_024;

/// The text without the byte order mark of UTF-8.
pub(super) fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

/// The beginning of the text, without a byte order mark and white space before it.
pub(super) fn head(text: &[u8]) -> &[u8] {
    let text = without_mark(text).trim_ascii_start();
    &text[..text.len().min(HEAD)]
}

/// An encoding that the operator has to undo first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Encoding {
    /// `.gz`.
    #[error("it is compressed by gzip; unpack it (gunzip)")]
    Gzip,
    /// `.zst`.
    #[error("it is compressed by Zstandard; unpack it (unzstd)")]
    Zstd,
    /// `.xz`.
    #[error("it is compressed by xz; unpack it (unxz)")]
    Xz,
    /// `.bz2`.
    #[error("it is compressed by bzip2; unpack it (bunzip2)")]
    Bzip2,
    /// `.zip`, and ZIP archives with another extension, such as spreadsheets.
    #[error("it is a ZIP archive, as a spreadsheet is too; unpack it, or save the list as text")]
    Zip,
    /// The encoding in which older PowerShell writes text.
    #[error(
        "it is text in UTF-16, as PowerShell's `>` writes; save it as UTF-8 (Out-File -Encoding utf8, or iconv -f UTF-16 \
         -t UTF-8)"
    )]
    Utf16,
}

impl Encoding {
    const MAGIC: [(&[u8], Self); 7] = [
        (b"\x1f\x8b", Self::Gzip),
        (b"\x28\xb5\x2f\xfd", Self::Zstd),
        (b"\xfd7zXZ\0", Self::Xz),
        (b"BZh", Self::Bzip2),
        (b"PK\x03\x04", Self::Zip),
        (b"\xff\xfe", Self::Utf16),
        (b"\xfe\xff", Self::Utf16),
    ];

    /// Returns the encoding of a text that begins with `head`, if it is one of these.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let by_magic =
            Self::MAGIC.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, encoding)| *encoding);
        by_magic.or_else(|| is_wide(head).then_some(Self::Utf16))
    }
}

/// True for UTF-16 without a byte order mark that begins with ASCII: every other byte is zero.
fn is_wide(head: &[u8]) -> bool {
    let is_ascii = |byte: u8| byte != 0 && byte.is_ascii();
    match head {
        [a, 0, b, 0, ..] | [0, a, 0, b, ..] => is_ascii(*a) && is_ascii(*b),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_recognised_by_its_first_bytes() {
        for (head, expected) in [
            (&b"\x1f\x8b\x08\0"[..], Some(Encoding::Gzip)),
            (b"\x28\xb5\x2f\xfd\x24", Some(Encoding::Zstd)),
            (b"\xfd7zXZ\0\0", Some(Encoding::Xz)),
            (b"BZh91AY", Some(Encoding::Bzip2)),
            (b"PK\x03\x04\x14", Some(Encoding::Zip)),
            (b"\xff\xfe{\0", Some(Encoding::Utf16)),
            (b"\xfe\xff\0{", Some(Encoding::Utf16)),
            (b"{\0\r\0", Some(Encoding::Utf16)),
            (b"\0{\0\r", Some(Encoding::Utf16)),
            (b"", None),
            (b"{", None),
            (b"\xef\xbb\xbf{}", None),
            (b"40.78.242.0/25", None),
            (b"# PK", None),
            (b"\0\0\0\0", None),
            (b"a\0\xff\0", None),
        ] {
            assert_eq!(Encoding::of(head), expected, "{head:?}");
        }
    }
}
