//! Other shapes in which the same list is passed around. They lack the document's cloud, or more. The message
//! names the shape, and the command that gives a readable one.

/// A shape that is recognised, but not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Shape {
    /// The output of `jq .values` or `--query values`.
    #[error(
        "it is the list of its values alone; take the whole, without jq's .values or --query: the field cloud is next to \
         them"
    )]
    Values,
    /// An array of strings.
    #[error("it is a list of texts; write one prefix a line: jq -r '.[]' FILE > ranges.csv")]
    Texts,
    /// The output of Terraform's data source, or one value of the document.
    #[error(
        "it is one tag alone, as Terraform's azurerm_network_service_tags gives it; write one prefix a line: jq -r \
         '.address_prefixes // .properties.addressPrefixes | .[]' FILE > ranges.csv"
    )]
    OneTag,
    /// The output of `terraform output -json` or `terraform show -json`.
    #[error(
        "it is Terraform's output; name one output that is the tag's address_prefixes: terraform output -json NAME | jq -r \
         '.[]' > ranges.csv"
    )]
    Terraform,
    /// The output of PowerShell's `ConvertTo-Json` without enough depth: objects become text.
    #[error("a tag's properties are cut off; give PowerShell's ConvertTo-Json -Depth 5")]
    Shallow,
    /// The error message of a server.
    #[error("it is an error message; open it")]
    Error,
}

impl Shape {
    /// The shape of a text that begins with `head` and is a list in place of an object.
    pub(super) fn of_list(head: &[u8]) -> Option<Self> {
        let inside = head.trim_ascii_start().strip_prefix(b"[")?.trim_ascii_start();
        Some(if inside.starts_with(b"\"") { Self::Texts } else { Self::Values })
    }
}
