//! Tests saved documents: each source has its own, whole or not at all.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::source::{
    MAX_BYTES,
    download::{Stamp, Validators},
};

/// A directory for one test, removed afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("d365-documents-{}-{test}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn sample(bytes: &[u8]) -> Document {
    let validators = Validators { etag: Some("\"1\"".to_owned()), last_modified: None };
    let url = "https://mirror.example/ServiceTags_Public_20260803.json".parse().unwrap();
    let stamp = Stamp { url, date: Some("2026-08-03".to_owned()), validators };
    Document { stamp, bytes: bytes.to_vec() }
}

/// A later release must find the files of an earlier one.
#[test]
fn a_name_is_always_the_same() {
    assert_eq!(file_name("azure:public"), "document-90323f8e98feff01.kept");
    let names = ["azure:china", "url:https://a.example/x", "url:https://a.example/../../x"].map(file_name);
    for name in names {
        assert_eq!((name.len(), name.contains('/')), (30, false), "{name}");
    }
}

#[test]
fn each_source_has_its_own() {
    let scratch = Scratch::new("own");
    let directory = crate::state_files::open(&scratch.0).unwrap();
    assert_eq!(load(&directory, "azure:public").unwrap(), None);
    assert_eq!(look(&scratch.0, "azure:public").unwrap(), None);
    for bytes in [&b"{\n}"[..], b"", b"\xff\0"] {
        save(&directory, "azure:public", &sample(bytes)).unwrap();
        save(&directory, "azure:china", &sample(b"other")).unwrap();
        assert_eq!(load(&directory, "azure:public").unwrap(), Some(sample(bytes)));
        assert_eq!(look(&scratch.0, "azure:public").unwrap(), Some(sample(bytes)));
        assert_eq!(look(&scratch.0, "azure:china").unwrap(), Some(sample(b"other")));
    }
}

/// The form that an earlier release wrote, with the query.
fn with_token() -> Vec<u8> {
    let line = br#"{"url":"https://a.example/x?sig=s3cret","date":null,"etag":"\"1\"","last_modified":null}"#;
    [line, &b"\n{}"[..]].concat()
}

#[test]
fn a_document_goes_on_under_another_name_and_without_its_token() {
    let scratch = Scratch::new("renamed");
    let directory = crate::state_files::open(&scratch.0).unwrap();
    let (old, new) = ("url:https://a.example/x?sig=s3cret", "url:https://a.example/x");
    rename(&directory, old, new).unwrap();
    assert_eq!(look(&scratch.0, new).unwrap(), None);
    write_checksummed(&directory, &file_name(old), KIND, &with_token()).unwrap();
    rename(&directory, old, new).unwrap();
    let Some(document) = look(&scratch.0, new).unwrap() else { panic!("it is lost") };
    assert_eq!((document.bytes.as_slice(), document.stamp.url.as_str()), (&b"{}"[..], &new["url:".len()..]));
    for file in fs::read_dir(&scratch.0).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("s3cret"));
    }
    // A document under the new name is newer and stays.
    save(&directory, new, &sample(b"newer")).unwrap();
    write_checksummed(&directory, &file_name(old), KIND, &with_token()).unwrap();
    rename(&directory, old, new).unwrap();
    assert_eq!(load(&directory, new).unwrap(), Some(sample(b"newer")));
    assert_eq!(load(&directory, old).unwrap(), None);
}

#[test]
fn the_longest_document_is_read_again() {
    let scratch = Scratch::new("longest");
    let directory = crate::state_files::open(&scratch.0).unwrap();
    let longest = sample(&vec![b' '; usize::try_from(MAX_BYTES).unwrap()]);
    save(&directory, "azure", &longest).unwrap();
    assert!(load(&directory, "azure").unwrap() == Some(longest));
}

#[test]
fn a_damaged_one_is_left_by_a_look_and_set_aside_by_the_daemon() {
    let scratch = Scratch::new("damaged");
    let directory = crate::state_files::open(&scratch.0).unwrap();
    let path = directory.file(&file_name("azure"));
    let whole = |path: &Path, body| {
        let opened = crate::state::Beneath::open(path.parent().unwrap()).unwrap();
        write_checksummed(&opened, &file_name("azure"), KIND, body).unwrap();
    };
    // A file that is cut off, and a whole file that is not a document.
    let damages: [&dyn Fn(&Path); 2] = [
        &|path| {
            let whole = fs::read(path).unwrap();
            fs::write(path, &whole[..whole.len() - 1]).unwrap();
        },
        &|path| whole(path, b"{}"),
    ];
    for damage in damages {
        save(&directory, "azure", &sample(b"{}")).unwrap();
        damage(&path);
        let damaged = fs::read(&path).unwrap();
        assert!(matches!(look(&scratch.0, "azure"), Err(StateError::Damaged { set_aside: None, .. })));
        assert_eq!(fs::read(&path).unwrap(), damaged);
        let Err(StateError::Damaged { set_aside: Some(aside), .. }) = load(&directory, "azure") else {
            panic!("{damaged:?} is accepted");
        };
        assert_eq!(fs::read(aside).unwrap(), damaged);
        assert_eq!(load(&directory, "azure").unwrap(), None);
    }
}

#[test]
fn the_file_is_for_people_too() {
    let file = encode(&sample(b"{}\r\n")).unwrap();
    assert_eq!(
        String::from_utf8(file).unwrap(),
        "{\"url\":\"https://mirror.example/ServiceTags_Public_20260803.json\",\"date\":\"2026-08-03\",\"etag\":\"\\\"1\\\"\",\"last_modified\":null}\n{}\r\n"
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
        let mut document = sample(&bytes);
        document.stamp.validators = Validators { etag, last_modified };
        prop_assert_eq!(decode(&encode(&document).unwrap()).unwrap(), document);
    }
}
