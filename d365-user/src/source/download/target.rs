//! The meaning of an operator's `url:` or `azure:` source: the first URL, and the hosts that it may lead to.

use super::{Host, Hosts, Url, UrlError};
use crate::source::Cloud;

/// The host of the vendor's pages.
const PAGES: &str = "www.microsoft.com";
/// The host of the vendor's documents.
const DOCUMENTS: &str = "download.microsoft.com";

/// The target of a download.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say what the fields are")]
pub enum Target {
    /// A document at a URL.
    Document { url: Url, hosts: Hosts },
    /// The newest document that a page lists.
    Page {
        cloud: Cloud,
        page: Url,
        /// The page that is tried if the first page gives no document.
        otherwise: Option<Url>,
        page_hosts: Hosts,
        document_hosts: Hosts,
    },
}

impl Target {
    /// Creates the target for a document at a URL. The URL's own host and the operator's allowed hosts are
    /// allowed.
    #[must_use]
    pub fn document(url: Url, allowed: &[Host]) -> Self {
        let hosts = allowed.iter().chain([url.host()]).cloned().collect();
        Self::Document { url, hosts }
    }

    /// The only cloud whose document is accepted; `None` for a document of any cloud.
    #[must_use]
    pub fn cloud(&self) -> Option<Cloud> {
        match self {
            Self::Document { .. } => None,
            Self::Page { cloud, .. } => Some(*cloud),
        }
    }

    /// Creates the target for a cloud's current document. `page` replaces the vendor's page.
    ///
    /// # Errors
    /// [`UrlError`] if an address of the vendor is not valid. A test checks that they all are.
    pub fn current(cloud: Cloud, page: Option<Url>, allowed: &[Host]) -> Result<Self, UrlError> {
        let (page, otherwise) = match page {
            Some(page) => (page, None),
            None => {
                (vendor_page(cloud, "details").parse()?, Some(vendor_page(cloud, "confirmation").parse()?))
            }
        };
        let with = |host: Host| allowed.iter().cloned().chain([host]);
        let page_hosts = with(PAGES.parse()?).chain([page.host().clone()]).collect();
        let document_hosts = with(DOCUMENTS.parse()?).collect();
        Ok(Self::Page { cloud, page, otherwise, page_hosts, document_hosts })
    }
}

/// Returns the vendor's page for a cloud's document: `details`, or `confirmation`, which the button on the
/// first leads to.
fn vendor_page(cloud: Cloud, kind: &str) -> String {
    let id = match cloud {
        Cloud::Public => 56519,
        Cloud::Government => 57063,
        Cloud::China => 57062,
    };
    format!("https://{PAGES}/en-us/download/{kind}.aspx?id={id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cloud_has_its_pages() {
        for (cloud, id) in [(Cloud::Public, "56519"), (Cloud::Government, "57063"), (Cloud::China, "57062")] {
            let target = Target::current(cloud, None, &[]).unwrap();
            let Target::Page { page, otherwise, page_hosts, document_hosts, .. } = target else {
                panic!("a page")
            };
            let expected = |kind| format!("https://www.microsoft.com/en-us/download/{kind}.aspx?id={id}");
            assert_eq!(page.as_str(), expected("details"));
            assert_eq!(otherwise.unwrap().as_str(), expected("confirmation"));
            assert_eq!(page_hosts.to_string(), "www.microsoft.com");
            assert_eq!(document_hosts.to_string(), "download.microsoft.com");
        }
    }

    #[test]
    fn the_operators_page_and_hosts_come_in() {
        let own: Url = "https://mirror.example:8443/page".parse().unwrap();
        let target =
            Target::current(Cloud::China, Some(own.clone()), &["files.example".parse().unwrap()]).unwrap();
        let Target::Page { page, otherwise, page_hosts, document_hosts, .. } = target else {
            panic!("a page")
        };
        assert_eq!((page, otherwise), (own.clone(), None));
        assert_eq!(page_hosts.to_string(), "files.example, mirror.example:8443, www.microsoft.com");
        assert_eq!(document_hosts.to_string(), "download.microsoft.com, files.example");
        let Target::Document { hosts, .. } = Target::document(own, &[]) else { panic!("a document") };
        assert_eq!(hosts.to_string(), "mirror.example:8443");
    }
}
