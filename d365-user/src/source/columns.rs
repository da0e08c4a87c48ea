//! The columns of a line-by-line list: `prefix[,geo[,region]]`, or the columns that the list's own header
//! line names. This project's lists have such a header. The embedded file separates its columns by commas,
//! and the table of `d365-user ranges` by at least two spaces. Pure: no I/O.

use super::ListEntry;
use super::line::{self, LineError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Prefix,
    Geo,
    Region,
    /// The origin of the geo. It is shown to people and never read.
    GeoSource,
    /// The mark of the packets. It is shown to people and never read.
    Mark,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Separator {
    Comma,
    /// At least two spaces, because a name may contain one.
    Blanks,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    columns: Vec<Column>,
    separator: Separator,
    /// True if a header names the columns. Each line must then have all of them.
    named: bool,
}

/// A table cell without content.
const NOTHING: &str = "–";

impl Default for Columns {
    fn default() -> Self {
        let columns = vec![Column::Prefix, Column::Geo, Column::Region];
        Self { columns, separator: Separator::Comma, named: false }
    }
}

impl Columns {
    /// Returns the columns that this line names. Returns `None` if the line is no header: its first field is
    /// not the word `prefix`.
    ///
    /// # Errors
    /// [`LineError`] if a name is unknown or occurs twice.
    pub(super) fn of_header(line: &str) -> Result<Option<Self>, LineError> {
        let line = line.split('#').next().unwrap_or_default();
        let separator = if line.contains(',') { Separator::Comma } else { Separator::Blanks };
        let names = fields(line, separator);
        if names.first().is_none_or(|first| *first != "prefix") {
            return Ok(None);
        }
        let mut columns = Vec::new();
        for name in names {
            let column = match name {
                "prefix" => Column::Prefix,
                "geo" => Column::Geo,
                "region" | "azure_region" => Column::Region,
                "geo_source" | "geo source" => Column::GeoSource,
                "mark" => Column::Mark,
                other => return Err(LineError::UnknownColumn(line::excerpt(other))),
            };
            if columns.contains(&column) {
                return Err(LineError::ColumnTwice(line::excerpt(name)));
            }
            columns.push(column);
        }
        Ok(Some(Self { columns, separator, named: true }))
    }

    /// Returns the entry in this line. Returns `None` if the line is blank or has only a comment.
    ///
    /// # Errors
    /// [`LineError`] if the line has other columns than these, or if a field is not valid for its column.
    pub(super) fn entry(&self, content: &str, line: usize) -> Result<Option<ListEntry>, LineError> {
        let fields = fields(content, self.separator);
        let (found, most) = (fields.len(), self.columns.len());
        match found {
            0 => return Ok(None),
            _ if self.named && found != most => return Err(LineError::NotTheHeaders { found, named: most }),
            _ if found > most => return Err(LineError::TooManyFields { found, most }),
            _ => {}
        }
        let field = |wanted: Column| {
            let at = self.columns.iter().position(|column| *column == wanted)?;
            let empty = self.separator == Separator::Blanks && fields.get(at) == Some(&NOTHING);
            fields.get(at).copied().filter(|_| !empty)
        };
        let prefix = line::prefix(field(Column::Prefix).unwrap_or_default())?;
        let geo = line::geo(field(Column::Geo).unwrap_or_default())?;
        let region = line::region(field(Column::Region).unwrap_or_default())?;
        Ok(Some(ListEntry { prefix, geo, region, line }))
    }
}

fn fields(line: &str, separator: Separator) -> Vec<&str> {
    match separator {
        Separator::Comma => line::fields(line),
        Separator::Blanks => {
            let content = line.split('#').next().unwrap_or_default();
            content.split("  ").map(str::trim).filter(|field| !field.is_empty()).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(line: &str) -> Columns {
        Columns::of_header(line).unwrap().unwrap()
    }

    fn read(columns: &Columns, line: &str) -> (String, String, String) {
        let ListEntry { prefix, geo, region, .. } = columns.entry(line, 1).unwrap().unwrap();
        let word = |word: Option<String>| word.unwrap_or_else(|| "-".to_owned());
        (prefix.to_string(), word(geo.map(|geo| geo.to_string())), word(region))
    }

    fn row(prefix: &str, geo: &str, region: &str) -> (String, String, String) {
        (prefix.to_owned(), geo.to_owned(), region.to_owned())
    }

    #[test]
    fn a_header_names_the_columns_in_any_order() {
        let columns = header("prefix,geo,geo_source,azure_region");
        assert_eq!(
            read(&columns, "1.2.3.0/24,FRA,inferred,FranceCentral"),
            row("1.2.3.0/24", "FRA", "FranceCentral")
        );
        assert_eq!(read(&columns, "1.2.3.0/24,,,"), row("1.2.3.0/24", "-", "-"));
        let columns = header("prefix , region, geo # ours");
        assert_eq!(read(&columns, "1.2.3.4, West US 2, nam"), row("1.2.3.4/32", "NAM", "West US 2"));
        assert_eq!(read(&header("prefix"), "1.2.3.4 # one"), row("1.2.3.4/32", "-", "-"));
    }

    #[test]
    fn a_table_has_two_blanks_between_its_columns() {
        let columns = header("prefix       geo  geo source  region     mark # a, b");
        let line = "1.2.3.0/24   FRA  inferred    West US 2  0xd365000a";
        assert_eq!(read(&columns, line), row("1.2.3.0/24", "FRA", "West US 2"));
        let line = "1.2.3.0/24   FRA  inferred    –          0xd365000a";
        assert_eq!(read(&columns, line), row("1.2.3.0/24", "FRA", "-"));
        assert_eq!(columns.entry("   ", 1), Ok(None));
        // A dash is read as a name if commas separate the columns.
        assert!(header("prefix,region").entry("1.2.3.0/24,–", 1).is_err());
    }

    #[test]
    fn what_is_no_header_is_none() {
        for line in ["", "# prefix,geo", "1.2.3.0/24", "Prefix,geo", "geo,prefix", "prefixes", "prefix geo"] {
            assert_eq!(Columns::of_header(line), Ok(None), "{line}");
        }
    }

    #[test]
    fn what_is_ambiguous_is_an_error() {
        let unknown = |name: &str| LineError::UnknownColumn(name.to_owned());
        let twice = |name: &str| LineError::ColumnTwice(name.to_owned());
        for (line, error) in [
            ("prefix,country", unknown("country")),
            ("prefix,geo,", unknown("")),
            ("prefix  geo  cost", unknown("cost")),
            ("prefix,geo,geo", twice("geo")),
            ("prefix,region,azure_region", twice("azure_region")),
        ] {
            assert_eq!(Columns::of_header(line), Err(error), "{line}");
        }
        for (columns, line, found, named) in [
            ("prefix,geo,region", "1.2.3.0/24", 1, 3),
            ("prefix,geo,region", "1.2.3.0/24,FRA", 2, 3),
            ("prefix,geo,region", "1.2.3.0/24,FRA,x,y", 4, 3),
            // A line with commas under the header of a table, and one with a single space in it.
            ("prefix  geo", "1.2.3.0/24,FRA", 1, 2),
            ("prefix  geo", "1.2.3.0/24 FRA", 1, 2),
        ] {
            let error = LineError::NotTheHeaders { found, named };
            assert_eq!(header(columns).entry(line, 1), Err(error), "{line}");
        }
    }
}
