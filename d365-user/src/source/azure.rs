//! An `azure:` source: a cloud's current service tags document, found through the vendor's download page.

use super::{
    Cloud,
    download::{Host, Target, Url, UrlError},
    kind::ListSource,
};

impl ListSource for Cloud {
    fn name(&self) -> String {
        format!("azure:{self}")
    }

    fn target(&self, page: Option<&Url>, allowed: &[Host]) -> Result<Option<Target>, UrlError> {
        Target::current(*self, page.cloned(), allowed).map(Some)
    }

    fn is_origin_of_embedded(&self) -> bool {
        *self == Self::Public
    }
}
