//! An `azure:` source: a cloud's current service tags document, found through the vendor's download page.

use super::{
    Cloud,
    download::{self, Host, Target, Url, UrlError},
    kind::{ListSource, Schedule, Trust},
};

impl ListSource for Cloud {
    fn name(&self) -> String {
        format!("azure:{self}")
    }

    fn schedule(&self) -> Schedule<'_> {
        Schedule::Interval
    }

    fn trust(&self) -> Option<Trust> {
        Some(Trust::Download)
    }

    fn failure_reasons(&self) -> Vec<&'static str> {
        download::failure_reasons()
    }

    fn target(&self, page: Option<&Url>, allowed: &[Host]) -> Result<Option<Target>, UrlError> {
        Target::current(*self, page.cloned(), allowed).map(Some)
    }

    fn is_origin_of_embedded(&self) -> bool {
        *self == Self::Public
    }
}
