//! `plain`: a prefix a line, as it is listed, for programs that read such lists and for `--ranges file:`. The
//! comment has the sign `#`.

use crate::export::Export;

pub(in crate::export) fn render(export: &Export) -> String {
    let prefixes: String = export.ranges().map(|range| format!("{}\n", range.prefix)).collect();
    export.head("#") + &prefixes
}
