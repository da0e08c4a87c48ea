//! Prometheus' text format 0.0.4, made from `OpenMetrics` text. It changes only the differences between the
//! two.
//!
//! The input is the output of prometheus-client: HELP before TYPE, neither exemplars nor time stamps. The
//! differences: a counter's and an info's HELP and TYPE lines have the name of their samples; some types have
//! other names; there is no UNIT and no EOF line.

/// The same metrics in the classic format.
pub(super) fn from_openmetrics(text: &str) -> String {
    let mut classic = String::with_capacity(text.len() + text.len() / 16);
    let mut help = None;
    for line in text.lines() {
        let Some(comment) = line.strip_prefix("# ") else {
            push(&mut classic, &[line]);
            continue;
        };
        match comment.split_once(' ') {
            Some(("HELP", rest)) => help = rest.split_once(' '),
            Some(("TYPE", rest)) => {
                let (name, kind) = rest.split_once(' ').unwrap_or((rest, "unknown"));
                let (suffix, kind) = in_classic(kind);
                if let Some((_, help)) = help.take_if(|(of, _)| *of == name) {
                    push(&mut classic, &["# HELP ", name, suffix, " ", help]);
                }
                push(&mut classic, &["# TYPE ", name, suffix, " ", kind]);
            }
            _ => {}
        }
    }
    classic
}

/// The suffix that the samples' name adds to the family's, and the classic name of its type.
fn in_classic(kind: &str) -> (&'static str, &str) {
    match kind {
        "counter" => ("_total", "counter"),
        "info" => ("_info", "gauge"),
        "stateset" => ("", "gauge"),
        "unknown" => ("", "untyped"),
        _ => ("", kind),
    }
}

fn push(text: &mut String, parts: &[&str]) {
    text.extend(parts.iter().copied());
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::from_openmetrics;

    #[test]
    fn counters_and_infos_are_named_as_their_samples() {
        let open = "\
# HELP mail_bytes Bytes of mail.
# TYPE mail_bytes counter
# UNIT mail_bytes bytes
mail_bytes_total{iface=\"eth0\"} 7
# HELP mail_build The build.
# TYPE mail_build info
mail_build_info{version=\"1\"} 1
# EOF
";
        let classic = "\
# HELP mail_bytes_total Bytes of mail.
# TYPE mail_bytes_total counter
mail_bytes_total{iface=\"eth0\"} 7
# HELP mail_build_info The build.
# TYPE mail_build_info gauge
mail_build_info{version=\"1\"} 1
";
        assert_eq!(from_openmetrics(open), classic);
    }

    #[test]
    fn other_types_keep_their_name() {
        let open = "\
# HELP a Some.
# TYPE a gauge
a 1
# HELP b Whatever.
# TYPE b unknown
b 2
# HELP c Sizes.
# TYPE c histogram
c_sum 3.5
c_count 1
c_bucket{le=\"+Inf\"} 1
# TYPE d stateset
d{d=\"on\"} 1
# EOF
";
        let classic =
            open.replace("b unknown", "b untyped").replace("d stateset", "d gauge").replace("# EOF\n", "");
        assert_eq!(from_openmetrics(open), classic);
    }

    #[test]
    fn samples_are_untouched_whatever_their_labels_hold() {
        let sample = "a{b=\"# TYPE a counter\",c=\"\\\"\\n\\\\ # {\"} 18446744073709551615\n";
        assert_eq!(from_openmetrics(sample), sample);
    }

    #[test]
    fn no_help_is_given_to_another_family() {
        assert_eq!(from_openmetrics("# HELP a Some.\n# TYPE b gauge\nb 1\n"), "# TYPE b gauge\nb 1\n");
        assert_eq!(from_openmetrics("# EOF\n"), "");
    }
}
