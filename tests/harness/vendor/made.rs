//! Service tags documents in the vendor's format, made from a table. The tag's prefixes are those of the
//! embedded list, in a made-up order; all else is made up. This module uses nothing but the standard library,
//! so that benchmarks can include it by its path.
//!
//! The documents have the oddities of the vendor's documents: no `regionId` and no `networkFeatures` before
//! 2020; an empty `region` for global values; a `region` that is spelled differently from the name's suffix;
//! values in no order; one change number for two documents; Windows line ends; and a cloud without regional
//! entries of the tag.

use std::fmt::Write as _;

/// The embedded list, with lines `prefix,geo,geo_source,azure_region`.
const EMBEDDED: &str = include_str!("../../../d365-user/data/embedded-ranges.csv");
const TAG: &str = "Dynamics365ForMarketingEmail";

/// The number of prefixes of a service that is of no interest.
const PREFIXES: usize = 20;
/// The number of services in a document as large as the vendor's largest, and the number of prefixes of each:
/// 4.4 MB and 100,000 prefixes in all.
const LARGE: (usize, usize) = (3_100, 32);

/// The description of a document.
struct Made {
    name: &'static str,
    cloud: &'static str,
    change_number: u64,
    /// The tag's own change number and its number of prefixes; `None` before the tag existed.
    tag: Option<(u64, usize)>,
    /// The number of services of no interest.
    services: usize,
    /// Documents with the same seed and equal other fields are equal.
    seed: u64,
    /// True since August 2020: values have `regionId` and `networkFeatures`.
    has_ids: bool,
    line_end: &'static str,
}

const fn public(
    name: &'static str,
    change_number: u64,
    tag: Option<(u64, usize)>,
    services: usize,
    has_ids: bool,
) -> Made {
    Made { name, cloud: "Public", change_number, tag, services, seed: change_number, has_ids, line_end: "\n" }
}

const ALL: [Made; 11] = [
    public("public-2019-07-22-cn82.json", 82, None, 60, false),
    public("public-2019-12-09-cn90.json", 90, Some((1, 14)), 70, false),
    public("public-2021-03-01-cn137.json", 137, Some((2, 16)), 90, true),
    public("public-2024-09-09-cn323.json", 323, Some((3, 17)), 110, true),
    Made { line_end: "\r\n", ..public("public-2024-09-09-cn323-crlf.json", 323, Some((3, 17)), 110, true) },
    public("public-2025-02-17-cn346.json", 346, Some((3, 17)), 120, true),
    // The change number of the previous document, and other contents.
    Made { seed: 347, ..public("public-2025-03-03-cn346.json", 346, Some((3, 17)), 125, true) },
    public("public-2025-cn376.json", 376, Some((3, 17)), 130, true),
    public(NEWEST, 398, Some((4, 22)), 140, true),
    // The tests break its transfer off after 100 KB, and announce 400 KB for it. Its length must be between
    // them.
    Made {
        cloud: "AzureGovernment",
        ..public("government-2026-05-04-cn391.json", 391, Some((1, 2)), 320, true)
    },
    Made { cloud: "China", ..public("china-2026-05-04-cn394.json", 394, Some((1, 2)), 60, true) },
];
const NEWEST: &str = "public-2026-cn398.json";

/// The names of the documents that [`document`] makes.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|made| made.name)
}

/// Answers of a failing server instead of a document, by name.
pub const REJECTED: [(&str, &str); 5] = [
    ("empty.txt", ""),
    (
        "error-page.txt",
        "<HTML><HEAD><TITLE>Error</TITLE></HEAD><BODY>\nSomething failed.<p>\nReference&#32;&#35;1\n</BODY></HTML>\n",
    ),
    (
        "gateway-timeout.txt",
        "<HTML><HEAD>\n<TITLE>Gateway Timeout</TITLE>\n</HEAD><BODY>\nNothing came in time.<P>\n</BODY></HTML>\n",
    ),
    (
        "html-page.txt",
        "<!DOCTYPE html>\n<html>\n<head>\n<title>404 - Not found</title>\n<style>\n<!--\nbody{margin:0}\n-->\n</style>\n\
         </head>\n<body>\n<h1>Not here</h1>\n</body>\n</html>\n",
    ),
    (
        "server-busy-xml-bom.txt",
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>ServerBusy</Code>\n<Message>Later.</Message></Error>",
    ),
];

/// The document of this name; `None` if no such document is made.
pub fn document(name: &str) -> Option<String> {
    ALL.iter().find(|made| made.name == name).map(|made| made.text(PREFIXES))
}

/// A document as large as the vendor's largest, with the tag of the newest one.
pub fn large() -> String {
    let newest = public(NEWEST, 398, Some((4, 22)), LARGE.0, true);
    newest.text(LARGE.1)
}

/// Prefix, Azure region and documented geo (or `-`) of each embedded range, separated by tabs.
pub fn newest_tag() -> String {
    let mut text = String::from("# made from the embedded list\n");
    for Row { prefix, geo, region } in embedded() {
        let _ = writeln!(text, "{prefix}\t{region}\t{}", geo.unwrap_or("-"));
    }
    text
}

/// A range of the embedded list.
#[derive(Clone, Copy)]
struct Row {
    prefix: &'static str,
    /// The documented geo; `None` if it is not documented.
    geo: Option<&'static str>,
    region: &'static str,
}

fn embedded() -> Vec<Row> {
    let row = |line: &'static str| {
        let [prefix, geo, source, region] = line.split(',').collect::<Vec<_>>()[..] else { return None };
        let is_prefix = prefix.starts_with(|c: char| c.is_ascii_digit());
        is_prefix.then_some(Row { prefix, geo: (source == "documented").then_some(geo), region })
    };
    EMBEDDED.lines().filter_map(row).collect()
}

/// The public tag's ranges in the order in which they appeared. The first 14 are thirteen documented ranges
/// and one other.
fn history() -> Vec<Row> {
    let (mut all, rest): (Vec<Row>, Vec<Row>) = embedded().into_iter().partition(|row| row.geo.is_some());
    all.extend(rest);
    all[13..16].rotate_right(1);
    all
}

/// A region's name as it appears in the names of services, and its prefixes of the tag.
type Regional = (String, Vec<String>);

/// Joins the prefixes of each region, in the order in which the regions appear.
fn joined(all: impl IntoIterator<Item = Regional>) -> Vec<Regional> {
    let mut regions: Vec<Regional> = Vec::new();
    for (region, prefixes) in all {
        match regions.iter_mut().find(|(name, _)| *name == region) {
            Some((_, own)) => own.extend(prefixes),
            None => regions.push((region, prefixes)),
        }
    }
    regions
}

impl Row {
    fn regional(self) -> Regional {
        (self.region.to_owned(), vec![self.prefix.to_owned()])
    }
}

impl Made {
    /// The tag's prefixes by region.
    fn tag_by_region(&self) -> Vec<Regional> {
        let Some((_, count)) = self.tag else { return Vec::new() };
        let made_up = |all: [(&str, &str); 2]| {
            all.map(|(region, prefix)| (region.to_owned(), vec![prefix.to_owned()])).into()
        };
        match self.cloud {
            "AzureGovernment" => {
                made_up([("USGovTexas", "11.64.4.160/27"), ("USGovVirginia", "11.65.171.224/27")])
            }
            "China" => made_up([("ChinaEast2", "11.72.124.0/27"), ("ChinaNorth3", "11.73.203.128/27")]),
            _ => joined(history().into_iter().take(count).map(Row::regional)),
        }
    }

    /// Azure's own entries: for each region, a /16 around each of the tag's prefixes of any date, and an IPv6
    /// prefix.
    fn azure(&self) -> Vec<Regional> {
        let tag: Vec<Regional> = match self.cloud {
            "Public" => {
                let all = embedded().into_iter().map(Row::regional);
                // Regions without a range of the tag.
                let others = ["SpainCentral", "QatarCentral", "EastUS2", "CentralUS", "IsraelCentral"];
                all.chain(others.map(|name| (name.to_owned(), Vec::new()))).collect()
            }
            _ => self.tag_by_region(),
        };
        let around = |prefix: &String| {
            let octets: Vec<&str> = prefix.split('.').take(2).collect();
            format!("{}.0.0/16", octets.join("."))
        };
        let around = tag.into_iter().map(|(name, own)| (name, own.iter().map(around).collect()));
        let mut regions = joined(around);
        for (number, (name, own)) in regions.iter_mut().enumerate() {
            own.push(format!("2603:1040:{number:x}00::/48"));
            if name == "WestUS2" {
                own.extend(["4.149.128.0/17".to_owned(), "2603:1030:c00::/48".to_owned()]);
            }
        }
        regions
    }

    fn text(&self, prefixes: usize) -> String {
        let mut values = Vec::new();
        let azure = self.azure();
        let whole: Vec<String> = azure.iter().flat_map(|(_, own)| own.clone()).collect();
        values.push(self.value("AzureCloud", "", 7, &whole));
        for (name, own) in &azure {
            let name = spelled(name);
            values.push(self.value(&format!("AzureCloud.{name}"), &name, 5, own));
        }
        let mut random = Random(self.seed);
        for number in 0..self.services {
            let own: Vec<String> = (0..prefixes).map(|_| random.prefix()).collect();
            let region = if number % 3 == 0 { "" } else { azure[number % azure.len()].0.as_str() };
            let dot = if region.is_empty() { "" } else { "." };
            values.push(self.value(&format!("Service{number}{dot}{region}"), &spelled(region), 2, &own));
        }
        // The values have no order: the tag is in the middle, and its regional entries are anywhere, one of
        // them at the end.
        let middle = values.len() / 2;
        if let Some((change_number, _)) = self.tag {
            let regions = self.tag_by_region();
            let whole: Vec<String> = regions.iter().flat_map(|(_, own)| own.clone()).collect();
            if self.cloud != "China" {
                for (number, (name, own)) in regions.iter().enumerate() {
                    let value = self.value(&format!("{TAG}.{name}"), &spelled(name), 1, own);
                    let at = if number == 0 { values.len() } else { 2 + number * 5 };
                    values.insert(at.min(values.len()), value);
                }
            }
            values.insert(middle, self.value(TAG, "", change_number, &whole));
        }
        let head = format!(
            "{{\n  \"changeNumber\": {},\n  \"cloud\": \"{}\",\n  \"values\": [\n",
            self.change_number, self.cloud
        );
        let text = head + &values.join(",\n") + "\n  ]\n}";
        if self.line_end == "\n" { text } else { text.replace('\n', self.line_end) }
    }

    fn value(&self, name: &str, region: &str, change_number: u64, prefixes: &[String]) -> String {
        let (id, features) = match (self.has_ids, name.len() % 3) {
            (false, _) => (String::new(), String::new()),
            (true, 0) => {
                ("\n        \"regionId\": 0,".to_owned(), ",\n        \"networkFeatures\": null".to_owned())
            }
            (true, number) => (
                format!("\n        \"regionId\": {number},"),
                ",\n        \"networkFeatures\": [\n          \"API\",\n          \"NSG\"\n        ]"
                    .to_owned(),
            ),
        };
        let prefixes: Vec<String> = prefixes.iter().map(|prefix| format!("          \"{prefix}\"")).collect();
        format!(
            "    {{\n      \"name\": \"{name}\",\n      \"id\": \"{name}\",\n      \"properties\": {{\n        \
             \"changeNumber\": {change_number},\n        \"region\": \"{region}\",{id}\n        \
             \"platform\": \"Azure\",\n        \"systemService\": \"\",\n        \"addressPrefixes\": [\n{}\n        \
             ]{features}\n      }}\n    }}",
            prefixes.join(",\n")
        )
    }
}

/// A region as the field `region` and Azure's own entries spell it.
fn spelled(region: &str) -> String {
    match region {
        "FranceCentral" => "centralfrance".to_owned(),
        "FranceSouth" => "southfrance".to_owned(),
        "GermanyNorth" => "germanyn".to_owned(),
        "GermanyWestCentral" => "germanywc".to_owned(),
        "NorwayEast" => "norwaye".to_owned(),
        "NorwayWest" => "norwayw".to_owned(),
        "SwitzerlandNorth" => "switzerlandn".to_owned(),
        "SwitzerlandWest" => "switzerlandw".to_owned(),
        other => other.to_lowercase(),
    }
}

/// A generator that gives the same numbers for the same seed (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of five prefixes is IPv6.
    fn prefix(&mut self) -> String {
        let [family, a, b, c, d, ..] = self.next().to_be_bytes();
        if family < 51 {
            format!("2603:10{a:02x}:{b:x}{c:02x}::{d:x}/128")
        } else {
            format!("20.{a}.{b}.{}/28", c & 0xf0)
        }
    }
}
