//! What an operator's `url:` or `azure:` source means: where to look, and where to go from there.

use super::{Host, Hosts, Url, UrlError};
use crate::source::Cloud;

/// Where the vendor's pages are.
const PAGES: &str = "www.microsoft.com";
/// Where the vendor's documents are.
const DOCUMENTS: &str = "download.microsoft.com";

/// What is to be downloaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A document at a URL.
    Document {
        /// The URL.
        url: Url,
        /// Where it may lead.
        hosts: Hosts,
    },
    /// The newest document that a page lists.
    Page {
        /// Whose document.
        cloud: Cloud,
        /// The page.
        page: Url,
        /// The page that is asked when that one lists none.
        otherwise: Option<Url>,
        /// Where a page may lead.
        page_hosts: Hosts,
        /// Where the document may be.
        document_hosts: Hosts,
    },
}

impl Target {
    /// A document at a URL. Its own host is allowed, and those that the operator allows.
    #[must_use]
    pub fn document(url: Url, allowed: &[Host]) -> Self {
        let hosts = allowed.iter().chain([url.host()]).cloned().collect();
        Self::Document { url, hosts }
    }

    /// A cloud's current document. With `page`, the operator's page is asked instead of the vendor's.
    ///
    /// # Errors
    /// None: the vendor's addresses are valid, which a test holds.
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

/// The vendor's page of a cloud's document: `details`, or `confirmation`, which is behind the button of the first.
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
