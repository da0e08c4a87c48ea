//! `json`: the published list itself ([`PublishedList`](crate::published::PublishedList)), for programs. It
//! has the comment's facts as fields.

use crate::export::Export;

pub(in crate::export) fn render(export: &Export) -> String {
    // Nothing in the list can fail: every key is text.
    let mut text = serde_json::to_string_pretty(&export.list).unwrap_or_default();
    text.push('\n');
    text
}
