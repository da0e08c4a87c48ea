//! Tests of templates: their variables, and what they cannot do.

use std::path::Path;

use super::*;
use crate::export::{
    Selection,
    document::tests::{NOW, sample},
};

fn render(template: &str) -> Result<String, TemplateError> {
    let selection = Selection { include_retired: true, ..Selection::default() };
    let export = Export::for_template(&sample(), &selection, Path::new("/etc/d365/x\n.j2"), NOW).unwrap();
    Template::parse(template.into())?.render(&export)
}

fn refused(template: &str) -> String {
    render(template).unwrap_err().to_string()
}

#[test]
fn a_template_has_the_ranges_and_the_facts_of_the_comment() {
    let text = render(
        "{% for line in comment %}\n! {{ line }}\n{% endfor %}\n\
         {% for range in ranges %}\n\
         {{ range.prefix }} {{ range.family }} {{ range.geo }} {{ range.geo_source }} <{{ range.region }}>{{ ' retired' if range.retired else '' }}\n\
         {% endfor %}\n",
    )
    .unwrap();
    let (head, rows) = text.split_at(text.find("192").unwrap());
    assert_eq!(head.lines().next(), Some("! LEASE OVER: 2 of 5 ranges are not confirmed any more"));
    assert!(
        head.ends_with("! made by: d365-user export --template /etc/d365/x?.j2 --include-retired\n"),
        "{head}"
    );
    assert_eq!(
        rows,
        "192.0.2.0/25 ipv4 NAM documented <>\n192.0.2.16/28 ipv4 NAM documented <>\n\
         192.0.2.128/25 ipv4 EUR documented <>\n198.51.100.7/32 ipv4 EUR documented <>\n\
         2001:db8::/47 ipv6 KOR documented <>\n203.0.113.0/24 ipv4 NAM documented <> retired\n"
    );
    assert_eq!(
        render("{{ generation }} {{ digest }} {{ published }}").unwrap(),
        "3 ab12 2026-11-24T00:00:00Z"
    );
    assert_eq!(
        render("{% for s in sources %}{{ s.name }},{{ s.date }},{{ s.trusted_until }};{% endfor %}").unwrap(),
        "azure,2026-11-24,2026-11-30T00:53:20Z;file:/etc/d?365,,2026-11-24T00:00:01Z;"
    );
}

#[test]
fn aggregated_prefixes_have_their_bounds_and_masks() {
    let text = "{% for net in aggregated if net.family == 'ipv4' %}\n{{ net.first }}-{{ net.last }} {{ net.mask }}\n\
                {% endfor %}\n{{ aggregated[-1].last }} {{ aggregated[-1].length }}\n";
    assert_eq!(
        render(text).unwrap(),
        "192.0.2.0-192.0.2.255 255.255.255.0\n198.51.100.7-198.51.100.7 255.255.255.255\n\
         203.0.113.0-203.0.113.255 255.255.255.0\n2001:db8:1:ffff:ffff:ffff:ffff:ffff 47\n"
    );
    assert_eq!(render("{{ '<&>' }}").unwrap(), "<&>", "nothing is escaped");
}

#[test]
fn errors_name_the_line() {
    assert_eq!(
        refused("\n{{ ranges "),
        "line 2: syntax error: unexpected end of input, expected end of variable block"
    );
    assert!(refused("one\ntwo {{ colour }}\n").starts_with("line 2: undefined value"));
    assert!(
        refused("{% for range in ranges %}\n\n{{ range.colour }}{% endfor %}")
            .starts_with("line 3: undefined")
    );
    assert!(
        refused("{% include '/etc/passwd' %}").starts_with("line 1: syntax error: unknown statement include")
    );
    assert!(refused("{{ 1 / 'a\u{1b}' }}").chars().all(|c| !c.is_control()));
}

#[test]
fn a_template_has_limits() {
    let endless = "\n{% for a in range(999) %}{{ a }}{% endfor %}";
    let export = Export::new(&sample(), &Selection::default(), "plain", NOW).unwrap();
    let tired = Template::with_fuel(endless.into(), 1000).unwrap().render(&export).unwrap_err().to_string();
    assert!(tired.starts_with("line 2: engine ran out of fuel"), "{tired}");
    let long = "{% set line = 'x' * 100000 %}{% for a in range(9999) %}{{ line }}{% endfor %}";
    assert!(matches!(render(long), Err(TemplateError::ResultTooLong)));
    let limit = usize::try_from(LONGEST_TEMPLATE).unwrap();
    assert!(matches!(Template::parse(vec![b' '; limit + 1]), Err(TemplateError::TooLong)));
    assert!(Template::parse(vec![b' '; limit]).is_ok());
    assert!(matches!(Template::parse(vec![0xff]), Err(TemplateError::NotText)));
}
