//! The format of a list, by its first bytes: a service tags document, the JSON of `d365-user`, or a plain
//! list.

use super::{
    List, SourceError, head, plain, printed,
    service_tags::{self, Regions},
};

/// Reads a list called `name` in any format. With `keep_azure`, it also returns the prefixes of every Azure
/// region, if the list is a service tags document, which may be of any known cloud: the operator chose it.
///
/// # Errors
/// [`SourceError`] if the text is no list in its format.
pub fn parse(text: &[u8], name: &str, keep_azure: bool) -> Result<(List, Option<Regions>), SourceError> {
    if !is_document(text) {
        return Ok((plain::parse(text, name)?, None));
    }
    if printed::is_printed(text) {
        return Ok((printed::parse(text, name)?, None));
    }
    let options = service_tags::Options { keep_azure, ..Default::default() };
    let mut document = service_tags::read(text, &options)
        .map_err(|problem| SourceError::Document { list: name.to_owned(), problem })?;
    document.list.origin.name = name.to_owned();
    Ok((document.list, document.azure))
}

/// True for JSON, and for a web page or XML that a browser or `curl` saved in its place. No plain list begins
/// like these.
fn is_document(text: &[u8]) -> bool {
    matches!(head(text).first(), Some(b'{' | b'[')) || service_tags::is_markup(text)
}
