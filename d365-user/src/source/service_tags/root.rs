//! The document's outermost object.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use super::{collector::Collector, shape::Shape};

/// The fields of the object. The first letter of each may be in upper case.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object with the fields cloud and values")]
pub(super) struct Root {
    #[serde(alias = "ChangeNumber")]
    pub(super) change_number: Option<Box<RawValue>>,
    #[serde(alias = "Cloud")]
    pub(super) cloud: Option<String>,
    #[serde(alias = "Values")]
    pub(super) values: Option<Collector>,
    // Fields of other shapes. Some texts have several of them.
    #[serde(alias = "Properties")]
    properties: Option<IgnoredAny>,
    #[serde(rename = "address_prefixes")]
    address_prefixes: Option<IgnoredAny>,
    #[serde(rename = "ipv4_cidrs")]
    ipv4_cidrs: Option<IgnoredAny>,
    #[serde(rename = "terraform_version")]
    terraform_version: Option<IgnoredAny>,
    #[serde(rename = "format_version")]
    format_version: Option<IgnoredAny>,
    sensitive: Option<IgnoredAny>,
    #[serde(alias = "Error")]
    error: Option<IgnoredAny>,
}

impl Root {
    /// The shape that the text seems to have, if it is no service tags document.
    pub(super) fn shape(&self) -> Option<Shape> {
        let is_any = |fields: &[&Option<IgnoredAny>]| fields.iter().any(|field| field.is_some());
        if is_any(&[&self.properties, &self.address_prefixes, &self.ipv4_cidrs]) {
            Some(Shape::OneTag)
        } else if is_any(&[&self.terraform_version, &self.format_version, &self.sensitive]) {
            Some(Shape::Terraform)
        } else {
            self.error.map(|_| Shape::Error)
        }
    }
}
