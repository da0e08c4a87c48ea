//! `bind-acl`: an `acl` statement of BIND's, for `include` in named.conf(5). An acl without an address is
//! `none`.

use crate::export::Export;

pub(in crate::export) fn render(export: &Export) -> String {
    let elements: String = match export.aggregated() {
        prefixes if prefixes.is_empty() => "    none;\n".to_owned(),
        prefixes => prefixes.into_iter().map(|prefix| format!("    {prefix};\n")).collect(),
    };
    format!("{}acl \"d365\" {{\n{elements}}};\n", export.head("#"))
}
