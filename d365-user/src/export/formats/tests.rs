//! The exact text of each format for a small list: both families, a range inside another, neighbours, and a
//! retired range.

use crate::export::{
    Export, Format, OnLapse, Selection,
    document::tests::{NOW, sample},
};

/// The text of a format behind its comment, which is the same for all.
fn body(name: &str, selection: &Selection, now: u64) -> String {
    let format = Format::named(name).unwrap();
    let export = Export::new(&sample(), selection, format.name, now).unwrap();
    let text = (format.render)(&export);
    let Some(body) = text.strip_prefix(&export.head("#")) else { panic!("{name} has no comment:\n{text}") };
    body.to_owned()
}

fn with_retired(name: &str) -> String {
    body(name, &Selection { include_retired: true, ..Selection::default() }, NOW)
}

/// The text of an export without a range: all leases have ended.
fn empty(name: &str) -> String {
    body(name, &Selection { on_lapse: OnLapse::Empty, ..Selection::default() }, u64::MAX)
}

/// The sample's addresses, retired ones included, as the fewest prefixes.
const AGGREGATED: [&str; 4] = ["192.0.2.0/24", "198.51.100.7/32", "203.0.113.0/24", "2001:db8::/47"];

/// A line for each aggregated prefix.
fn lines(line: impl Fn(&str) -> String) -> String {
    AGGREGATED.into_iter().map(|prefix| line(prefix) + "\n").collect()
}

#[test]
fn bare_lists_and_tables_have_aggregated_prefixes() {
    for name in ["rspamd-map", "haproxy", "pf"] {
        assert_eq!(with_retired(name), lines(str::to_owned), "{name}");
    }
    assert_eq!(with_retired("postfix-cidr"), lines(|prefix| format!("{prefix} OK")));
    assert_eq!(with_retired("postscreen"), lines(|prefix| format!("{prefix} permit")));
    assert!(!body("pf", &Selection::default(), NOW).contains("203.0.113"), "retired ranges only on request");
    for name in ["rspamd-map", "haproxy", "pf", "postfix-cidr", "postscreen", "plain", "exim"] {
        assert_eq!(empty(name), "", "{name}");
    }
}

#[test]
fn plain_and_csv_have_the_ranges_as_they_are_listed() {
    let listed = [
        ("192.0.2.0/25", "NAM"),
        ("192.0.2.16/28", "NAM"),
        ("192.0.2.128/25", "EUR"),
        ("198.51.100.7/32", "EUR"),
        ("2001:db8::/47", "KOR"),
        ("203.0.113.0/24", "NAM"),
    ];
    let plain: String = listed.iter().map(|(prefix, _)| format!("{prefix}\n")).collect();
    assert_eq!(with_retired("plain"), plain);
    let header = "prefix,geo,geo_source,azure_region\n";
    let rows: String = listed.iter().map(|(prefix, geo)| format!("{prefix},{geo},documented,\n")).collect();
    assert_eq!(with_retired("csv"), format!("{header}{rows}"));
    assert_eq!(empty("csv"), header);
}

#[test]
fn exim_finds_the_longest_prefix_first() {
    assert_eq!(
        with_retired("exim"),
        "198.51.100.7/32: EUR\n192.0.2.16/28: NAM\n192.0.2.0/25: NAM\n192.0.2.128/25: EUR\n\
         203.0.113.0/24: NAM\n\"2001:db8::/47\": KOR\n"
    );
}

#[test]
fn an_acl_without_an_address_is_none() {
    assert_eq!(
        with_retired("bind-acl"),
        format!("acl \"d365\" {{\n{}}};\n", lines(|prefix| format!("    {prefix};")))
    );
    assert_eq!(empty("bind-acl"), "acl \"d365\" {\n    none;\n};\n");
}

#[test]
fn a_transaction_replaces_the_elements_of_both_sets() {
    let start = "add table inet d365_list\n\
                 add set inet d365_list d365_v4 { type ipv4_addr; flags interval; }\n\
                 flush set inet d365_list d365_v4\n";
    let start_of_v6 = "add set inet d365_list d365_v6 { type ipv6_addr; flags interval; }\n\
                       flush set inet d365_list d365_v6\n";
    assert_eq!(
        with_retired("nftables"),
        format!(
            "{start}add element inet d365_list d365_v4 {{\n    192.0.2.0/24,\n    198.51.100.7/32,\n    \
             203.0.113.0/24\n}}\n{start_of_v6}add element inet d365_list d365_v6 {{\n    2001:db8::/47\n}}\n"
        )
    );
    assert_eq!(empty("nftables"), format!("{start}{start_of_v6}"));
}

#[test]
fn a_new_set_is_filled_and_swapped() {
    let made = |set: &str, family: &str, elements: &[&str]| {
        let made = |set: &str| format!("create {set} hash:net family {family} maxelem 262144 -exist\n");
        let added: String = elements.iter().map(|prefix| format!("add {set}_new {prefix}\n")).collect();
        let new = format!("{set}_new");
        format!("{}{}flush {new}\n{added}swap {new} {set}\ndestroy {new}\n", made(set), made(&new))
    };
    let [v4, v6] = [&AGGREGATED[..3], &AGGREGATED[3..]];
    assert_eq!(with_retired("ipset"), made("d365_v4", "inet", v4) + &made("d365_v6", "inet6", v6));
    assert_eq!(empty("ipset"), made("d365_v4", "inet", &[]) + &made("d365_v6", "inet6", &[]));
}

#[test]
fn a_rule_matches_the_text_of_the_relay() {
    let rest = "describe D365_LISTED Relay is listed for Dynamics 365 Customer Insights\n\
                tflags   D365_LISTED nice\nscore    D365_LISTED -0.001\n";
    let rule = |pattern: &str| {
        format!("header   D365_LISTED X-Spam-Relays-External =~ /^\\[ ip=(?:{pattern}) /i\n{rest}")
    };
    assert_eq!(
        with_retired("spamassassin"),
        rule(
            r"192\.0\.2\.\d+|198\.51\.100\.7|203\.0\.113\.\d+|2001:db8:[01]:[0-9a-f:]+|2001:db8::(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,4})?"
        )
    );
    assert_eq!(empty("spamassassin"), rule("(?!)"));
}

#[test]
fn a_sender_group_keeps_the_content_checks() {
    let group =
        |hosts: &str| format!("D365:\n{hosts}    $ACCEPTED (Dynamics 365 Customer Insights - Journeys)\n");
    assert_eq!(with_retired("cisco-hat"), group(&lines(|prefix| format!("    {prefix}"))));
    assert_eq!(empty("cisco-hat"), group(""));
}

#[test]
fn exchange_online_gets_short_entries_of_one_family() {
    let text = with_retired("exchange-online");
    let entries = "# 1 IPv6 prefixes are left out: this list takes IPv4 only\n$ranges = @(\n    \
                   '192.0.2.0/24'\n    '198.51.100.7/32'\n    '203.0.113.0/24'\n)\n$ErrorActionPreference = 'Stop'\n";
    assert!(text.starts_with(entries), "{text}");
    assert!(empty("exchange-online").starts_with("$ranges = @(\n)\n"));

    let of = |prefix: &str| {
        let mut list = sample();
        list.ranges.truncate(1);
        list.ranges[0].prefix = prefix.parse().unwrap();
        let format = Format::named("exchange-online").unwrap();
        (format.render)(&Export::new(&list, &Selection::default(), format.name, NOW).unwrap())
    };
    assert!(of("198.18.4.0/22").contains(
        "$ranges = @(\n    '198.18.4.0/24'\n    '198.18.5.0/24'\n    '198.18.6.0/24'\n    '198.18.7.0/24'\n)\n"
    ));
    assert!(of("198.0.0.0/14").contains("\n    '198.3.255.0/24'\n)\n"), "1024 entries");
    let refused = of("198.0.0.0/13");
    assert!(refused.ends_with("\nthrow 'd365: the list has 2048 entries, and the service takes 1273'\n"));
    assert!(!refused.contains("Set-"), "{refused}");
}

#[test]
fn json_is_the_list() {
    let format = Format::named("json").unwrap();
    let export = Export::new(&sample(), &Selection::default(), format.name, NOW).unwrap();
    let read: crate::published::PublishedList = serde_json::from_str(&(format.render)(&export)).unwrap();
    assert_eq!(read, export.list);
}
