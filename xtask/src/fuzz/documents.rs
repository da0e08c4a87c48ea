//! The vendor's documents, where they are, as inputs to begin with. A real one has megabytes, of which a fuzzer can make little:
//! of each there is its head, its first entry and the tag's own.

use std::{fs, mem, path::Path};

use anyhow::{Context as _, Result};
use serde_json::Value;

/// What the names of the entries of interest begin with.
const TAG: &str = "Dynamics365ForMarketingEmail";
/// The targets that begin with documents, and with what the vendor's server gave in their place.
const DOCUMENT: &str = "service_tags";
const PAGE: &str = "download_page";

/// Writes the excerpts of the documents in `data` into a directory for each target below `into`.
pub(super) fn put(data: &Path, into: &Path) -> Result<()> {
    for target in [DOCUMENT, PAGE] {
        fs::create_dir_all(into.join(target)).with_context(|| format!("cannot make {}", into.display()))?;
    }
    let documents = data.join("service-tags");
    each(&documents, &|name, text| {
        if !name.ends_with(".json") {
            return Ok(());
        }
        let excerpt = excerpt(text).with_context(|| format!("{name} is no document with service tags"))?;
        Ok(fs::write(into.join(DOCUMENT).join(name), excerpt)?)
    })?;
    each(&documents.join("rejected"), &|name, text| {
        [DOCUMENT, PAGE].iter().try_for_each(|target| Ok(fs::write(into.join(target).join(name), text)?))
    })
}

/// Calls `take` with the name and the text of each file of a directory, if it is there.
fn each(directory: &Path, take: &dyn Fn(&str, &str) -> Result<()>) -> Result<()> {
    if !directory.is_dir() {
        eprintln!("xtask: the fuzzer does without the documents in {}: it is not there", directory.display());
        return Ok(());
    }
    let entries = fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_file() {
            let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            take(&name, &String::from_utf8_lossy(&text))?;
        }
    }
    Ok(())
}

/// A document with the first of its entries, and those that are the tag's. `None` for what is no document.
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
    use serde_json::json;

    use super::*;

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
