//! The vendor's documents as first inputs: made ones, and the real ones if they exist. A real document has
//! megabytes, and a fuzzer cannot use most of them. So an excerpt of each is used: its head, its first entry,
//! and the tag's own entries.

use std::{fs, mem, path::Path};

use anyhow::{Context as _, Result};
use d365_tests::vendor::{Documents, made};
use serde_json::Value;

/// The beginning of the names of the entries that matter.
const TAG: &str = "Dynamics365ForMarketingEmail";
/// The targets that begin with documents, and with the answers that the vendor's server gave in their place.
const DOCUMENT: &str = "service_tags";
const PAGE: &str = "download_page";

/// Writes the excerpts of all documents into a directory for each target below `into`.
pub(super) fn put(into: &Path) -> Result<()> {
    for target in [DOCUMENT, PAGE] {
        fs::create_dir_all(into.join(target)).with_context(|| format!("cannot make {}", into.display()))?;
    }
    for documents in Documents::all() {
        let set = if documents == Documents::Made { "made" } else { "real" };
        for name in made::names() {
            let text = String::from_utf8_lossy(&documents.document(name)).into_owned();
            let excerpt =
                excerpt(&text).with_context(|| format!("{name} is no document with service tags"))?;
            fs::write(into.join(DOCUMENT).join(format!("{set}-{name}")), excerpt)?;
        }
        for (name, text) in documents.rejected() {
            for target in [DOCUMENT, PAGE] {
                fs::write(into.join(target).join(format!("{set}-{name}")), &text)?;
            }
        }
    }
    Ok(())
}

/// The document with only its first entry and the tag's entries. Returns `None` if the text is not a
/// document.
fn excerpt(text: &str) -> Option<String> {
    let mut document: Value = serde_json::from_str(text).ok()?;
    let mut first = true;
    document["values"].as_array_mut()?.retain(|entry| {
        let is_the_tags = entry["name"].as_str().is_some_and(|name| name.starts_with(TAG));
        mem::take(&mut first) || is_the_tags
    });
    serde_json::to_string_pretty(&document).ok()
}

#[cfg(test)]
mod tests {
    use d365_tests::temp::TempDir;
    use serde_json::json;

    use super::*;

    #[test]
    fn made_documents_are_inputs_everywhere() {
        let inputs = TempDir::new("inputs");
        put(inputs.path()).unwrap();
        let count = |target: &str| {
            let all = fs::read_dir(inputs.file(target)).unwrap().map(|file| file.unwrap().file_name());
            all.filter(|name| name.to_string_lossy().starts_with("made-")).count()
        };
        assert_eq!((count(DOCUMENT), count(PAGE)), (16, 5));
    }

    #[test]
    fn an_excerpt_is_a_document_with_the_tags_entries() {
        let document = |names: &[&str]| {
            let entry = |name: &&str| json!({"name": name, "properties": {"addressPrefixes": ["::/96"]}});
            json!({"cloud": "Public", "values": names.iter().map(entry).collect::<Vec<_>>()})
        };
        let tag = "Dynamics365ForMarketingEmail.WestUS2";
        for (whole, kept) in [
            (&["ApiManagement", "Storage", tag] as &[&str], &["ApiManagement", tag] as &[&str]),
            (&[tag, "Storage"], &[tag]),
            (&[], &[]),
        ] {
            let excerpt = excerpt(&document(whole).to_string()).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&excerpt).unwrap(), document(kept));
        }
        for none in ["", "{}", "<html>", "{\"values\": [{\"name\": \"Storage\"}"] {
            assert_eq!(excerpt(none), None, "{none}");
        }
    }
}
