//! The service tag in documents: the tag's own entry, and the union of its regional entries.

use std::path::Path;

use super::list::{Kind, List, Mark, Marks, Origin};
use crate::{
    command::{error::CommandError, text::plain},
    gate::gates::Gates,
    geo::{self, GeoCode},
    source::{
        self, SourceError, documents, limit,
        service_tags::{self, Document, Options},
        shown_name,
    },
    state::StateError,
};

/// Name of the list from the tag's entry.
pub(super) const TAG: &str = "service tag";
/// Name of the list from the union of its regional entries.
pub(super) const REGIONS: &str = "its regions";

/// A document with its name.
pub(super) struct Named {
    name: String,
    date: Option<String>,
    document: Document,
}

/// The document in a file that the operator names.
pub(super) fn of_file(path: &Path) -> Result<Named, CommandError> {
    let own = path.to_owned();
    Ok(limit::read_with_timeout(limit::PATIENCE, path, move || read(&own))?)
}

fn read(path: &Path) -> Result<Named, SourceError> {
    let name = path.display().to_string();
    match service_tags::read(&source::read(path, &name)?, &Options::default()) {
        Ok(document) => Ok(Named { name, date: None, document }),
        Err(problem) => Err(SourceError::Document { list: name, problem }),
    }
}

impl Named {
    /// Returns true if the document's change number is higher than `number`.
    pub(super) fn is_newer_than(&self, number: Option<u64>) -> bool {
        self.document.list.origin.change_number > number
    }
}

/// The documents that the daemon saved of its sources, and a remark on each that cannot be read.
pub(super) fn kept(directory: &Path, gates: &Gates) -> Result<(Vec<Named>, Vec<String>), CommandError> {
    let (mut found, mut remarks) = (Vec::new(), Vec::new());
    for source in gates.keys() {
        let kept = match documents::look(directory, source) {
            Ok(Some(kept)) => kept,
            Ok(None) => continue,
            Err(StateError::Damaged { path, damage, .. }) => {
                return Err(CommandError::Damaged { path, damage, copy: None });
            }
            Err(error) => return Err(error.into()),
        };
        match service_tags::read(&kept.bytes, &Options::default()) {
            Ok(document) => {
                let date = kept.stamp.date.as_deref().map(plain);
                found.push(Named { name: shown_name(source).to_owned(), date, document });
            }
            Err(problem) => remarks
                .push(format!("the kept document of {} is not readable: {problem}", shown_name(source))),
        }
    }
    Ok((found, remarks))
}

/// Both lists of these documents. For a document without regional entries, such as China's, the tag's entry
/// replaces them.
pub(super) fn lists(documents: &[Named], remarks: Vec<String>) -> [List; 2] {
    let (mut whole, mut regions) = (
        List::new(TAG, Kind::Document, Marks::new(), remarks),
        List::new(REGIONS, Kind::Document, Marks::new(), vec![]),
    );
    if documents.is_empty() {
        let why = "no document: the daemon has kept none, and --document names none".to_owned();
        whole.remarks.push(why.clone());
        return [List { marks: None, ..whole }, List::missing(REGIONS, Kind::Document, why)];
    }
    for Named { name, date, document } in documents {
        let tag: Marks = document
            .list
            .entries
            .iter()
            .map(|entry| (entry.prefix.trunc(), mark(&entry.prefix, entry.region.as_deref())))
            .collect();
        let by_region: Marks =
            document.regional.iter().map(|(prefix, region)| (prefix, mark(&prefix, Some(region)))).collect();
        let origin = Origin {
            name: name.clone(),
            cloud: Some(document.cloud.document_name()),
            ranges: tag.len(),
            date: date.clone(),
            change_number: document.list.origin.change_number,
            tag_change_number: document.list.origin.tag_change_number,
        };
        if document.regional.is_empty() {
            regions.remarks.push(format!("{name} has no regional entries"));
            add(&mut regions, &tag);
        } else {
            regions.origins.push(Origin { ranges: by_region.len(), ..origin.clone() });
            add(&mut regions, &by_region);
        }
        whole.origins.push(origin);
        add(&mut whole, &tag);
    }
    if regions.origins.is_empty() {
        regions.marks = None;
    }
    [whole, regions]
}

/// Adds the marks of one more document. If two documents have the same prefix, the first one counts.
fn add(list: &mut List, more: &Marks) {
    let marks = list.marks.get_or_insert_default();
    for (prefix, mark) in more {
        marks.entry(*prefix).or_insert(*mark);
    }
}

fn mark(prefix: &ipnet::IpNet, region: Option<&str>) -> Mark {
    let code: GeoCode = geo::attribute(&prefix.trunc(), None, region).code;
    Mark::Listed(Some(code))
}
