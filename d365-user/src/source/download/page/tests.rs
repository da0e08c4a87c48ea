//! Pages as the vendor published them, pages as they could be, and texts that are not pages.

use proptest::prelude::*;

use super::*;

const BASE: &str = "https://download.microsoft.com/download/7/1/d/71d86715-5596-4529-9b13-da13a5de5b63";

fn hosts() -> Hosts {
    ["download.microsoft.com"].iter().map(|host| host.parse().unwrap()).collect()
}

fn public(page: &str) -> Option<String> {
    newest(page, Cloud::Public, &hosts()).map(|listed| listed.url.to_string())
}

#[test]
fn a_link_is_found_however_it_is_written() {
    let url = format!("{BASE}/ServiceTags_Public_20260803.json");
    for page in [
        format!("<a href=\"{url}\" data-x=\"1\">click here</a>"),
        format!("<a href='{url}'>"),
        format!("<a href={url}>"),
        format!("<p>{url}</p>"),
        url.clone(),
        format!("window.d={{\"url\":\"{}\"}}", url.replace('/', "\\/")),
        format!("window.d={{\"url\":\"{}\"}}", url.replace('/', "\\u002f")),
        format!("&quot;{url}&quot;"),
        format!("\u{feff}\0<{{é{url}\u{1F980}"),
    ] {
        assert_eq!(public(&page).as_deref(), Some(url.as_str()), "{page}");
    }
}

#[test]
fn both_letter_cases_are_known() {
    for url in [
        "https://download.microsoft.com/download/7/1/D/71D86715-5596-4529-9B13-DA13A5DE5B63/ServiceTags_Public_20250203.json",
        "https://download.microsoft.com/download/7/1/d/71d86715-5596-4529-9b13-da13a5de5b63/servicetags_public_20250303.json",
    ] {
        assert_eq!(public(&format!("href=\"{url}\"")).as_deref(), Some(url));
    }
    let loud = "HTTPS://DOWNLOAD.MICROSOFT.COM/DOWNLOAD/7/SERVICETAGS_PUBLIC_20250303.JSON";
    let quiet = "https://download.microsoft.com/DOWNLOAD/7/SERVICETAGS_PUBLIC_20250303.JSON";
    assert_eq!(public(loud).as_deref(), Some(quiet));
}

#[test]
fn the_newest_date_wins() {
    let listed = |dates: &[&str]| {
        let page: String =
            dates.iter().map(|date| format!("<a href=\"{BASE}/ServiceTags_Public_{date}.json\">")).collect();
        newest(&page, Cloud::Public, &hosts()).map(|listed| listed.date)
    };
    assert_eq!(listed(&["20250203", "20260803", "20251229"]).as_deref(), Some("2026-08-03"));
    assert_eq!(listed(&["20260803", "20250203"]).as_deref(), Some("2026-08-03"));
    assert_eq!(listed(&["20269999", "20250203"]).as_deref(), Some("2025-02-03"), "no day");
    let two = format!("{BASE}/a/ServiceTags_Public_20260803.json {BASE}/b/ServiceTags_Public_20260803.json");
    assert!(public(&two).unwrap().contains("/a/"), "the first of two");
}

#[test]
fn days_of_the_calendar_are_dates() {
    let date = |digits: &str| {
        let url = format!("{BASE}/ServiceTags_Public_{digits}.json");
        url.parse().ok().and_then(|url| date(&url, Cloud::Public))
    };
    assert_eq!(date("20260803").as_deref(), Some("2026-08-03"));
    assert_eq!(date("20000229").as_deref(), Some("2000-02-29"));
    let none =
        "2026080 202608031 20261301 20260001 20260431 20230229 21000229 2026-08-03 +2260803 2026-8-003";
    for digits in none.split(' ').chain(["", "20260803T00:00:00Z", "２０２"]) {
        assert_eq!(date(digits), None, "{digits}");
    }
}

#[test]
fn each_cloud_has_its_own() {
    let page = Cloud::ALL.map(|cloud| format!("{BASE}/ServiceTags_{}_20260504.json", cloud.document_name()));
    for cloud in Cloud::ALL {
        let listed = newest(&page.join(" "), cloud, &hosts()).unwrap();
        assert!(listed.url.as_str().contains(cloud.document_name()), "{cloud}");
        let others: Vec<_> =
            page.iter().filter(|url| **url != listed.url.to_string()).map(String::as_str).collect();
        assert_eq!(newest(&others.join(" "), cloud, &hosts()), None, "{cloud}");
    }
}

#[test]
fn anything_else_is_not_followed() {
    for url in [
        "https://evil.example/download/7/ServiceTags_Public_20260803.json",
        "https://download.microsoft.com:8443/download/7/ServiceTags_Public_20260803.json",
        "https://download.microsoft.com@evil.example/download/7/ServiceTags_Public_20260803.json",
        "https://evil.example/?https://download.microsoft.com/download/7/ServiceTags_Public_20260803.json?",
        "http://download.microsoft.com/download/7/ServiceTags_Public_20260803.json",
        "//download.microsoft.com/download/7/ServiceTags_Public_20260803.json",
        "https://download.microsoft.com/download/ServiceTags_Public_20260803.json",
        "https://download.microsoft.com/other/7/ServiceTags_Public_20260803.json",
        "https://download.microsoft.com/download//ServiceTags_Public_20260803.json",
        "https://download.microsoft.com/download/../ServiceTags_Public_20260803.json",
        "https://download.microsoft.com/download/7/%2e%2e/x_y/ServiceTags_Public_20260803.json",
        "https://download.microsoft.com/download/7/ServiceTags_Public_20260803.json?x=1",
        "https://download.microsoft.com/download/7/ServiceTags_Public_20260803.json/x",
        "https://download.microsoft.com/download/7/ServiceTags_Public_20260803.json.exe",
        "https://download.microsoft.com/download/7/ServiceTags_Public_2026083.json",
        "https://download.microsoft.com/download/7/ServiceTags_Public.json",
        "https://download.microsoft.com/download/7/ServiceTags__20260803.json",
        "https://download.microsoft.com/download/7/xServiceTags_Public_20260803.json",
    ] {
        assert_eq!(public(&format!("<a href=\"{url}\">")), None, "{url}");
    }
    let long = format!("{BASE}/{}/ServiceTags_Public_20260803.json", "x".repeat(MAX_LENGTH));
    assert_eq!(public(&long), None);
}

proptest! {
    #[test]
    fn any_text_is_a_page(text in "(https?|://|download.microsoft.com|/download/|ServiceTags_Public_|20260803|.json|[&#;x2F\"\\\\]|\\PC){0,60}") {
        if let Some(listed) = newest(&text, Cloud::Public, &hosts()) {
            prop_assert!(hosts().allow(&listed.url));
            prop_assert_eq!(date(&listed.url, Cloud::Public), Some(listed.date));
        }
    }

    #[test]
    fn a_link_is_found_in_any_text(before in "\\PC*[ \"'<>]", after in "[ \"'<>]\\PC*") {
        let url = format!("{BASE}/ServiceTags_Public_99991231.json");
        prop_assert_eq!(public(&format!("{before}{url}{after}")), Some(url));
    }
}
