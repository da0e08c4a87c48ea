//! `pf`: a table file of OpenBSD's and FreeBSD's pf(4). `pfctl -T replace -f` replaces the table's entries by
//! it, and a rule set names it as `table <d365> persist file "…"`. A file with the statement itself would
//! reload the whole rule set for each list.

use crate::export::Export;

pub(in crate::export) fn render(export: &Export) -> String {
    super::lines(export, |prefix| format!("{prefix}\n"))
}
