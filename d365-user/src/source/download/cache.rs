//! The last good document as it is stored in a file: its stamp as a line of JSON, then its bytes as received.
//! Pure: the module `state` stores the file, as a whole or not at all, and with a digest.

use serde::de::Error as _;

use super::Document;
use crate::source::MAX_BYTES;

/// Longest file in bytes: the longest document, and a stamp. No part of the stamp is longer than a response's
/// head.
pub const MAX_FILE: u64 = MAX_BYTES + (256 << 10);

/// Returns the file for a document. The caller stores only a document that was found good.
///
/// # Errors
/// An error of the JSON writer. It does not happen, because a stamp has nothing but text.
pub fn encode(document: &Document) -> Result<Vec<u8>, serde_json::Error> {
    let mut file = Vec::with_capacity(document.bytes.len() + 1024);
    serde_json::to_writer(&mut file, &document.stamp)?;
    file.push(b'\n');
    file.extend_from_slice(&document.bytes);
    Ok(file)
}

/// Returns the document in a file.
///
/// # Errors
/// The problem of the first line. The document is downloaded again.
pub fn decode(file: &[u8]) -> Result<Document, serde_json::Error> {
    let end = file.iter().position(|byte| *byte == b'\n');
    let end = end.ok_or_else(|| serde_json::Error::custom("it has no first line"))?;
    let stamp = serde_json::from_slice(&file[..end])?;
    Ok(Document { stamp, bytes: file[end + 1..].to_vec() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::source::download::{Stamp, Validators};

    fn sample(bytes: Vec<u8>, etag: Option<String>, last_modified: Option<String>) -> Document {
        let url = "https://a.example/x".parse().unwrap();
        let date = Some("2026-08-03".to_owned());
        let validators = Validators { etag, last_modified };
        Document { stamp: Stamp { url, date, validators }, bytes }
    }

    #[test]
    fn the_file_is_for_people_too() {
        let file = encode(&sample(b"{}\r\n".to_vec(), Some("\"1\"".to_owned()), None)).unwrap();
        assert_eq!(
            String::from_utf8(file).unwrap(),
            "{\"url\":\"https://a.example/x\",\"date\":\"2026-08-03\",\"etag\":\"\\\"1\\\"\",\"last_modified\":null}\n{}\r\n"
        );
    }

    /// The next download is unconditional. The stored URL has no query, so it is not known for which URL the
    /// validators were given.
    #[test]
    fn a_token_is_not_kept() {
        let url = "https://a.example/x?sig=s3cret".parse().unwrap();
        let stamp = Stamp { url, date: None, validators: Validators::default() };
        let document = Document { stamp, bytes: b"{}".to_vec() };
        let file = encode(&document).unwrap();
        assert!(!String::from_utf8_lossy(&file).contains("s3cret"));
        let kept = decode(&file).unwrap();
        assert_eq!((kept.stamp.url.as_str(), kept.bytes), ("https://a.example/x", document.bytes));
    }

    #[test]
    fn another_file_is_none() {
        for file in [
            "",
            "{}",
            "{}\n",
            "\n{}",
            "{\"url\":\"https://a.example/x\"}",
            "{\"url\":\"http://a.example/x\"}\n{}",
        ] {
            assert!(decode(file.as_bytes()).is_err(), "{file}");
        }
        assert!(decode(b"{\"url\":\"https://a.example/x\"}\n").unwrap().bytes.is_empty());
    }

    proptest! {
        #[test]
        fn what_is_kept_comes_back(bytes: Vec<u8>, etag: Option<String>, last_modified: Option<String>) {
            let document = sample(bytes, etag, last_modified);
            prop_assert_eq!(decode(&encode(&document).unwrap()).unwrap(), document);
        }
    }
}
