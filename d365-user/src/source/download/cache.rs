//! The last good document as it is stored in a file: its stamp as a line of JSON, then its bytes as received.
//! Pure: the module `state` stores the file, as a whole or not at all, and with a digest.

use serde::{Deserialize, Serialize};

use super::{Date, Document, MAX_DOCUMENT, NotADate, Stamp, Url, UrlError, Validators};

/// Longest file in bytes: the longest document, and a stamp. No part of the stamp is longer than a response's
/// head.
pub const MAX_FILE: u64 = MAX_DOCUMENT + (256 << 10);

/// The reason why a cached document is unusable. It is downloaded again.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// There is no first line.
    #[error("it has no first line")]
    NoStamp,
    /// The first line is not a stamp.
    #[error("its first line cannot be read: {0}")]
    Stamp(#[from] serde_json::Error),
    /// The stamp's URL is not valid.
    #[error("its URL: {0}")]
    Url(#[from] UrlError),
    /// The stamp's date is not valid.
    #[error("its date: {0}")]
    Date(#[from] NotADate),
}

/// The stamp as it is written to the file.
#[derive(Serialize, Deserialize)]
struct Written {
    url: String,
    date: Option<String>,
    etag: Option<String>,
    last_modified: Option<String>,
}

/// Returns the file for a document. The caller stores only a document that was found good.
///
/// # Errors
/// None: strings can always be written as JSON.
pub fn encode(document: &Document) -> Result<Vec<u8>, CacheError> {
    let Stamp { url, date, validators, sha256: _ } = &document.stamp;
    let mut file = Vec::with_capacity(document.bytes.len() + 1024);
    let written = Written {
        // Without a query, because the file must not contain a token.
        url: url.to_string(),
        date: date.map(|date| date.to_string()),
        etag: validators.etag.clone(),
        last_modified: validators.last_modified.clone(),
    };
    serde_json::to_writer(&mut file, &written)?;
    file.push(b'\n');
    file.extend_from_slice(&document.bytes);
    Ok(file)
}

/// Returns the document in a file.
///
/// # Errors
/// [`CacheError`] names the problem of the file.
pub fn decode(mut file: Vec<u8>) -> Result<Document, CacheError> {
    let end = file.iter().position(|byte| *byte == b'\n').ok_or(CacheError::NoStamp)?;
    let Written { url, date, etag, last_modified } = serde_json::from_slice(&file[..end])?;
    let url: Url = url.parse()?;
    let date: Option<Date> = date.map(|date| date.parse()).transpose()?;
    file.drain(..=end);
    Ok(Document::new(url, date, Validators { etag, last_modified }, file))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(bytes: Vec<u8>, etag: Option<String>, last_modified: Option<String>) -> Document {
        let url = "https://a.example/x".parse().unwrap();
        let date = "20260803".parse().unwrap();
        Document::new(url, Some(date), Validators { etag, last_modified }, bytes)
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
        let document = Document::new(url, None, Validators::default(), b"{}".to_vec());
        let file = encode(&document).unwrap();
        assert!(!String::from_utf8_lossy(&file).contains("s3cret"));
        let kept = decode(file).unwrap();
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
            "{\"url\":\"https://a.example/x\",\"date\":\"yesterday\"}\n{}",
        ] {
            assert!(decode(file.into()).is_err(), "{file}");
        }
        assert!(decode("{\"url\":\"https://a.example/x\"}\n".into()).unwrap().bytes.is_empty());
    }

    proptest! {
        #[test]
        fn what_is_kept_comes_back(bytes: Vec<u8>, etag: Option<String>, last_modified: Option<String>) {
            let document = sample(bytes, etag, last_modified);
            prop_assert_eq!(decode(encode(&document).unwrap()).unwrap(), document);
        }

        #[test]
        fn any_file_is_a_document_or_an_error(file: Vec<u8>, text in "[{}\":a-z\\n]*") {
            let _ = (decode(file), decode(text.into()));
        }
    }
}
