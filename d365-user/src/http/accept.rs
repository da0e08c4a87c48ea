//! The format that a scraper asks for (RFC 9110, sections 12.4.2 and 12.5.1).

use crate::view::Format;

/// `OpenMetrics` if the client names it with a weight that is not below plain text's. Otherwise the classic
/// format, even for a client that refuses it: a scrape with a readable answer is worth more than 406.
pub(super) fn format<'a>(accept: impl IntoIterator<Item = &'a str>) -> Format {
    let mut open = 0.0_f32;
    // The more specific range decides: `text/plain` over `text/*` over `*/*`.
    let mut plain = (0, 0.0_f32);
    for range in accept.into_iter().flat_map(|value| value.split(',')) {
        let (media_type, parameters) = range.split_once(';').unwrap_or((range, ""));
        let version = parameter(parameters, "version");
        let Some(weight) = weight(parameters) else { continue };
        let specific = match media_type.trim().to_ascii_lowercase().as_str() {
            "application/openmetrics-text" if version.is_none_or(|version| version == "1.0.0") => {
                open = open.max(weight);
                continue;
            }
            "text/plain" if version.is_none_or(|version| version == "0.0.4") => 3,
            "text/*" => 2,
            "*/*" => 1,
            _ => continue,
        };
        plain = match plain {
            (before, best) if before == specific => (before, best.max(weight)),
            (before, _) if before < specific => (specific, weight),
            unchanged => unchanged,
        };
    }
    if open > 0.0 && open >= plain.1 { Format::OpenMetrics } else { Format::Classic }
}

/// The weight; 1 if none is given, `None` if it is not valid.
fn weight(parameters: &str) -> Option<f32> {
    let Some(weight) = parameter(parameters, "q") else { return Some(1.0) };
    weight.parse().ok().filter(|weight| (0.0..=1.0).contains(weight))
}

/// The value of a parameter, without quotes.
fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    parameters
        .split(';')
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::{Format, format};

    #[test]
    fn openmetrics_only_when_asked_for() {
        for accept in [
            "application/openmetrics-text",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            "APPLICATION/OpenMetrics-Text;VERSION=\"1.0.0\"",
            "text/plain;q=0.5, application/openmetrics-text;q=0.5",
            "application/openmetrics-text;q=0.1,*/*;q=0.1",
            // A more specific range with a lower weight has priority over a general one with a higher weight.
            "*/*;q=0.9,text/plain;q=0.1,application/openmetrics-text;q=0.5",
            "application/openmetrics-text;q=0.001",
            // Prometheus 2.42, then 3.x.
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
             text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
             application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;\
             q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        ] {
            assert_eq!(format([accept]), Format::OpenMetrics, "{accept}");
        }
    }

    #[test]
    fn classic_otherwise() {
        for accept in [
            "",
            "*/*",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "text/plain;version=0.0.4",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=0.4,text/plain;q=0.5",
            "application/openmetrics-text;q=0.4,text/*",
            "application/openmetrics-text;version=0.0.1",
            "application/openmetrics-text;version=2.0.0",
            "application/openmetrics-text;q=2",
            "application/openmetrics-text;q=NaN",
            "application/openmetrics-text;q=",
            "application/openmetrics-textual",
            "text/plain;q=0",
            ",;=,;q=,=;",
        ] {
            assert_eq!(format([accept]), Format::Classic, "{accept}");
        }
        assert_eq!(format([]), Format::Classic);
    }

    #[test]
    fn several_headers_are_one_list() {
        assert_eq!(format(["text/plain;q=0.5", "application/openmetrics-text"]), Format::OpenMetrics);
    }
}
