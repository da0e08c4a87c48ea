//! `csv`: a row a range with its geo and Azure region, for spreadsheets and scripts. A field with a comma, a
//! quote or a line break is quoted (RFC 4180). The columns are those of the embedded list, so that
//! `--ranges file:` reads the file as well.

use crate::export::Export;

pub(in crate::export) fn render(export: &Export) -> String {
    let row = |range: &crate::published::PublishedRange| {
        let region = field(range.region.as_deref().unwrap_or_default());
        format!("{},{},{},{region}\n", range.prefix, range.geo.code, range.geo.source)
    };
    let rows: String = export.ranges().map(row).collect();
    export.head("#") + "prefix,geo,geo_source,azure_region\n" + &rows
}

/// The text as a field.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn a_field_is_quoted_where_it_has_to_be() {
        assert_eq!(field("WestUS2"), "WestUS2");
        assert_eq!(field("a,\"b\"\n"), "\"a,\"\"b\"\"\n\"");
    }
}
