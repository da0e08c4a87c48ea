//! `haproxy`: patterns of HAProxy's for `acl … src -f FILE`, one a line.

use crate::export::Export;

pub(in crate::export) fn render(export: &Export) -> String {
    super::lines(export, |prefix| format!("{prefix}\n"))
}
