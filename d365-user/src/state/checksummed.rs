//! The form of a checksummed file: a header, which is one line of JSON with the file's kind, version, length
//! and SHA-256, and then the unchanged body. Pure: bytes in, bytes out.
//!
//! The body is JSON or a document. If it is JSON, `jq` can read the whole file.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The purpose of a file. A file of one kind is never read as one of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The name of the kind, in the header and in messages.
    pub name: &'static str,
    /// Oldest version of the body's form that a reader accepts.
    pub oldest: u32,
    /// Version of the body's form that is written, and the newest that a reader accepts.
    pub version: u32,
    /// Longest file in bytes, with its header. A longer one is neither written nor read.
    pub limit: u64,
}

/// Longest header in bytes.
pub(super) const MAX_HEAD: usize = 256;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    d365: String,
    version: u32,
    bytes: u64,
    sha256: String,
}

/// Reason why a file is rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum Damage {
    #[error("it is not a regular file")]
    NotAFile,
    #[error("its first line is not a header of d365")]
    Head,
    #[error("it is a file of kind {found:?}, not {expected:?}")]
    Kind { found: String, expected: &'static str },
    #[error("it has version {found}, and this release reads version {expected}")]
    Version { found: u32, expected: u32 },
    #[error("it has {found} bytes after the first line, and should have {expected}")]
    Length { found: u64, expected: u64 },
    #[error("its digest is not the one that was written with it")]
    Digest,
    #[error("it is larger than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("{0}")]
    Content(String),
}

/// Prepends the header to `body`.
#[must_use]
pub fn add_checksum(kind: Kind, body: &[u8]) -> Vec<u8> {
    // Formatted without serde, so that it cannot fail: nothing in the header needs an escape.
    let Kind { name, version, .. } = kind;
    let (bytes, sha256) = (body.len(), sha256(body));
    let head =
        format!("{{\"d365\":\"{name}\",\"version\":{version},\"bytes\":{bytes},\"sha256\":\"{sha256}\"}}\n");
    [head.as_bytes(), body].concat()
}

/// The body of a checksummed file of this kind.
///
/// # Errors
/// The reason why the file is rejected.
pub fn verify_checksum(kind: Kind, file: &[u8]) -> Result<&[u8], Damage> {
    let end = file.iter().take(MAX_HEAD).position(|byte| *byte == b'\n').ok_or(Damage::Head)?;
    let (head, body) = (&file[..end], &file[end + 1..]);
    let head: Head = serde_json::from_slice(head).map_err(|_| Damage::Head)?;
    if head.d365 != kind.name {
        return Err(Damage::Kind { found: head.d365, expected: kind.name });
    }
    if !(kind.oldest..=kind.version).contains(&head.version) {
        return Err(Damage::Version { found: head.version, expected: kind.version });
    }
    let found = u64::try_from(body.len()).unwrap_or(u64::MAX);
    if found != head.bytes {
        return Err(Damage::Length { found, expected: head.bytes });
    }
    if sha256(body) != head.sha256 {
        return Err(Damage::Digest);
    }
    Ok(body)
}

/// SHA-256 in lower-case hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KIND: Kind = Kind { name: "test", oldest: 2, version: 3, limit: 1000 };

    #[test]
    fn the_form_is_this() {
        let file = String::from_utf8(add_checksum(KIND, b"{}\n")).unwrap();
        assert_eq!(
            file,
            "{\"d365\":\"test\",\"version\":3,\"bytes\":3,\"sha256\":\
             \"ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356\"}\n{}\n"
        );
    }

    #[test]
    fn each_damage_has_its_name() {
        let file = add_checksum(KIND, b"body");
        for (oldest, version) in [(4, 4), (1, 2)] {
            let damage = Damage::Version { found: 3, expected: version };
            assert_eq!(verify_checksum(Kind { oldest, version, ..KIND }, &file), Err(damage));
        }
        assert_eq!(verify_checksum(Kind { version: 4, ..KIND }, &file), Ok(&b"body"[..]));
        let other = Kind { name: "other", ..KIND };
        assert_eq!(
            verify_checksum(other, &file),
            Err(Damage::Kind { found: "test".to_owned(), expected: "other" })
        );
        assert_eq!(
            verify_checksum(KIND, &file[..file.len() - 1]),
            Err(Damage::Length { found: 3, expected: 4 })
        );
        let longer = [&file[..], b"x"].concat();
        assert_eq!(verify_checksum(KIND, &longer), Err(Damage::Length { found: 5, expected: 4 }));
        let mut flipped = file.clone();
        *flipped.last_mut().unwrap() ^= 1;
        assert_eq!(verify_checksum(KIND, &flipped), Err(Damage::Digest));
        for file in [&b""[..], b"\n", b"{}\n", b"{\"version\":1}", &[b'x'; 1000]] {
            assert_eq!(verify_checksum(KIND, file), Err(Damage::Head));
        }
    }

    proptest! {
        #[test]
        fn what_is_sealed_is_read_again(body in prop::collection::vec(any::<u8>(), 0..512)) {
            let file = add_checksum(KIND, &body);
            prop_assert_eq!(verify_checksum(KIND, &file), Ok(&body[..]));
        }

        /// The kind of damage may vary, but each change must be detected.
        #[test]
        fn no_cut_and_no_other_byte_is_accepted(
            body in prop::collection::vec(any::<u8>(), 1..64),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let file = add_checksum(KIND, &body);
            let at = at.index(file.len());
            prop_assert!(verify_checksum(KIND, &file[..at]).is_err());
            let mut other = file.clone();
            other[at] = byte;
            prop_assert!(other == file || verify_checksum(KIND, &other).is_err());
        }

        #[test]
        fn any_bytes_are_damage(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
            prop_assert!(verify_checksum(KIND, &bytes).is_err());
        }
    }
}
