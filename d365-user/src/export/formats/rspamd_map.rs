//! `rspamd-map`: a map of Rspamd's for addresses, as multimap takes it (`type = "ip"`). It has prefixes only:
//! with a second column the map of Rspamd 3.4 matches nothing.

use crate::export::Export;

pub(in crate::export) fn render(export: &Export) -> String {
    super::lines(export, |prefix| format!("{prefix}\n"))
}
