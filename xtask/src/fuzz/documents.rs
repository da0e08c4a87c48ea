//! The vendor's documents, where they are, as inputs to begin with. A real one has megabytes, of which a fuzzer can make little:
//! of each there is its head, its first entry and the tag's own.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

/// What the entries of interest hold.
const TAG: &str = "\"Dynamics365ForMarketingEmail";
/// The targets that begin with documents, and with what the vendor's server gave in their place.
const DOCUMENT: &str = "service_tags";
const PAGE: &str = "download_page";

/// Writes the excerpts of the documents in `data` into a directory for each target below `into`.
pub(super) fn put(data: &Path, into: &Path) -> Result<()> {
    if !data.is_dir() {
        eprintln!("xtask: the fuzzer begins with made-up inputs alone: {} is not there", data.display());
        return Ok(());
    }
    for target in [DOCUMENT, PAGE] {
        fs::create_dir_all(into.join(target)).with_context(|| format!("cannot make {}", into.display()))?;
    }
    let documents = data.join("service-tags");
    each(&documents, &|name, text| {
        let Some(excerpt) = excerpt(text).filter(|_| name.ends_with(".json")) else { return Ok(()) };
        Ok(fs::write(into.join(DOCUMENT).join(name), excerpt)?)
    })?;
    each(&documents.join("rejected"), &|name, text| {
        [DOCUMENT, PAGE].iter().try_for_each(|target| Ok(fs::write(into.join(target).join(name), text)?))
    })
}

/// Calls `take` with the name and the text of each file of a directory.
fn each(directory: &Path, take: &dyn Fn(&str, &str) -> Result<()>) -> Result<()> {
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
    let list = text.find("\"values\"")?;
    let begin = list + text[list..].find('[')? + 1;
    let mut kept: Vec<&str> = Vec::new();
    let mut rest = &text[begin..];
    while let Some(open) = rest.find(['{', ']']).filter(|at| rest[*at..].starts_with('{')) {
        let length = object(&rest[open..])?;
        let entry = &rest[open..open + length];
        if kept.is_empty() || entry.contains(TAG) {
            kept.push(entry);
        }
        rest = &rest[open + length..];
    }
    Some(format!("{}{}{}", &text[..begin], kept.join(","), &rest[rest.find(']')?..]))
}

/// Length of the object at the beginning; `None` when it does not end.
fn object(text: &str) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' if !quoted => depth += 1,
            b'}' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_a_document_with_the_tags_entries() {
        let entry = |name: &str| format!(r#"{{"name": "{name}", "p": {{"a": ["{{", "\"}}"]}}}}"#);
        let [first, other, tag] =
            ["ApiManagement", "Storage", "Dynamics365ForMarketingEmail.WestUS2"].map(entry);
        let document = |entries: &[&str]| {
            format!("{{\r\n\"cloud\": \"Public\", \"values\": [{}]\r\n}}", entries.join(","))
        };
        let whole = document(&[&first, &other, &tag]);
        assert_eq!(excerpt(&whole).as_deref(), Some(&*document(&[&first, &tag])));
        assert_eq!(excerpt(&document(&[])).as_deref(), Some(&*document(&[])));
        for none in ["", "{}", &whole[..whole.len() - 20]] {
            assert_eq!(excerpt(none), None, "{none}");
        }
    }
}
