//! The vendor's download page: any text is accepted as a page. A link that is found on it is the URL of a
//! document on an allowed host.

use d365_user::source::{
    Cloud,
    download::{Hosts, page, page::Listed},
};

/// The hosts on which documents are allowed. The port of the second one checks that an entry allows exactly
/// one host and port.
const HOSTS: [&str; 2] = ["download.microsoft.com", "mirror.example:8443"];

pub(crate) fn check(bytes: &[u8]) {
    // The client decodes a page in the same way.
    let page = String::from_utf8_lossy(bytes);
    let hosts: Hosts = HOSTS.iter().map(|host| host.parse().expect("a host")).collect();
    for cloud in Cloud::ALL {
        let found = page::newest(&page, cloud, &hosts);
        assert_eq!(found, page::newest(&page, cloud, &hosts));
        assert_eq!(page::newest(&page, cloud, &Hosts::default()), None, "no host is allowed");
        if let Some(found) = &found {
            is_a_document(found, cloud, &hosts);
        }
        a_newer_one_is_found(&page, cloud, &hosts);
    }
}

fn is_a_document(found: &Listed, cloud: Cloud, hosts: &Hosts) {
    let url = found.url.as_str();
    assert!(hosts.allow(&found.url), "{url}");
    let authority = url.strip_prefix("https://").and_then(|rest| rest.split('/').next());
    assert!(authority.is_some_and(|authority| HOSTS.contains(&authority)), "{url}");
    assert!(url.bytes().all(|byte| byte.is_ascii_graphic()), "{url:?}");
    assert!(!url.contains(['?', '#', '@', '%', '\\']), "{url}");
    let date = found.date.replace('-', "");
    let name = format!("/servicetags_{}_{date}.json", cloud.document_name().to_ascii_lowercase());
    assert!(url.to_ascii_lowercase().ends_with(&name), "{url} is not {name}");
}

/// Asserts that a document is found whatever text comes before it on the page.
fn a_newer_one_is_found(page: &str, cloud: Cloud, hosts: &Hosts) {
    let name = cloud.document_name();
    let newer = format!("https://download.microsoft.com/download/a/b/ServiceTags_{name}_99991231.json");
    let found = page::newest(&format!("{page}\n\"{newer}\""), cloud, hosts).expect("it is on the page");
    assert_eq!(found.date, "9999-12-31");
}
