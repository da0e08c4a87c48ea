//! Texts in place of the document: web pages, XML, and the same list in other formats. Those formats lack the
//! document's cloud, or more. The error names the format, and the command that writes a readable list.

use super::error::DocumentError;
use crate::source;

/// Elements of web pages. A page may also begin with a comment, an XML declaration or a fragment.
const PAGE: [&str; 12] =
    ["html", "head", "body", "title", "meta", "script", "style", "h1", "p>", "div", "center", "table"];

/// The output of `jq .values` or `--query values`.
const VALUES: &str = "it is the list of its values alone; take the whole, without jq's .values or --query: the field \
                      cloud is next to them";
/// An array of strings.
const TEXTS: &str = "it is a list of texts; write one prefix a line: jq -r '.[]' FILE > ranges.csv";
/// The output of Terraform's data source, or one value of the document.
const ONE_TAG: &str = "it is one tag alone, as Terraform's azurerm_network_service_tags gives it; write one prefix a \
                       line: jq -r '.address_prefixes // .properties.addressPrefixes | .[]' FILE > ranges.csv";
/// The output of `terraform output -json` or `terraform show -json`.
const TERRAFORM: &str = "it is Terraform's output; name one output that is the tag's address_prefixes: terraform output \
                         -json NAME | jq -r '.[]' > ranges.csv";
/// The output of PowerShell's `ConvertTo-Json` without enough depth: objects become text.
pub(super) const SHALLOW: &str = "a tag's properties are cut off; give PowerShell's ConvertTo-Json -Depth 5";
/// The error message of a server.
const ERROR: &str = "it is an error message; open it";

/// The beginning of the text in lower case.
fn head(text: &[u8]) -> String {
    String::from_utf8_lossy(source::head(text)).to_ascii_lowercase()
}

/// Recognises a web page or XML. XML begins with a declaration, a comment, or an element's tag. Words in
/// angle brackets, such as `<paste the list here>`, are no tag.
pub(super) fn markup(text: &[u8]) -> Option<DocumentError> {
    let head = head(text);
    let inside = head.strip_prefix('<')?;
    let is_page =
        inside.starts_with("!doctype html") || PAGE.iter().any(|tag| head.contains(&format!("<{tag}")));
    let is_xml = inside.split_once('>').is_some_and(|(tag, _)| match tag.chars().next() {
        Some('?' | '!') => true,
        Some('a'..='z') => !tag.contains(' ') || tag.contains('='),
        _ => false,
    });
    match () {
        () if is_page => Some(DocumentError::Html),
        () if is_xml => Some(DocumentError::Xml),
        () => None,
    }
}

/// The shape of a text that is a list in place of an object.
pub(super) fn list(text: &[u8]) -> Option<&'static str> {
    let inside = text.trim_ascii_start().strip_prefix(b"[")?.trim_ascii_start();
    Some(if inside.starts_with(b"\"") { TEXTS } else { VALUES })
}

/// The shape of an object that is no document, by the fields at its beginning.
pub(super) fn object(text: &[u8]) -> Option<&'static str> {
    let head = head(text);
    let has = |fields: &[&str]| fields.iter().any(|field| head.contains(&format!("\"{field}\"")));
    match () {
        () if has(&["terraform_version", "format_version", "sensitive"]) => Some(TERRAFORM),
        () if has(&["values"]) => None,
        () if has(&["properties", "address_prefixes", "ipv4_cidrs"]) => Some(ONE_TAG),
        () if has(&["error"]) => Some(ERROR),
        () => None,
    }
}
