//! URLs, and texts that may contain one, in the form that may be shown and stored: without a query, a
//! fragment or a user.

/// Returns a URL without its query and its fragment. It also accepts a source's name as an earlier release
/// wrote it.
#[must_use]
pub fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

/// Returns the name of a source as it may be shown. An earlier release wrote the name of a `url:` source with
/// its query.
#[must_use]
pub fn shown_name(name: &str) -> &str {
    if name.starts_with("url:") { without_query(name) } else { name }
}

/// Returns a text for a message, without the queries, fragments, users and passwords of the URLs in it.
#[must_use]
pub fn redacted(text: &str) -> String {
    let is_end = |c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '`' | '<' | '>');
    let mut shown = String::with_capacity(text.len());
    for word in text.split_inclusive(is_end) {
        let inner = word.trim_end_matches(is_end);
        shown.push_str(&redacted_url(inner));
        shown.push_str(&word[inner.len()..]);
    }
    shown
}

/// Does the same for a text that is one URL, or was meant as one.
pub(super) fn redacted_url(text: &str) -> String {
    let cut = without_query(text);
    let (scheme, rest) = cut.split_at(cut.find("://").map_or(0, |at| at + "://".len()));
    let user = rest.split('/').next().and_then(|authority| authority.rfind('@'));
    let (hidden, rest) = user.map_or(("", rest), |at| ("…", &rest[at..]));
    let query = if text.len() > cut.len() + 1 { "?…" } else { &text[cut.len()..] };
    format!("{scheme}{hidden}{rest}{query}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn queries_and_users_are_left_out() {
        for (text, shown) in [
            ("url:https://a/b?sig=s3cret", "url:https://a/b?…"),
            ("--ranges=https://user:s3cret@a/b", "--ranges=https://…@a/b"),
            ("'https://s3cret@a?s3cret' and \"a/b?s3cret\".", "'https://…@a?…' and \"a/b?…\"."),
            ("url:a?s3cret", "url:a?…"),
            ("url:s3cret@b.example/c", "…@b.example/c"),
            ("D365_PAGE_URL=a#s3cret", "D365_PAGE_URL=a?…"),
            ("a/b@c", "a/b@c"),
            ("did you mean this? No: \"x\".", "did you mean this? No: \"x\"."),
            ("tip: use `--help` # now\n\n", "tip: use `--help` # now\n\n"),
        ] {
            assert_eq!(redacted(text), shown);
        }
    }

    #[test]
    fn a_sources_name_is_shown_without_a_query_and_a_path_whole() {
        assert_eq!(shown_name("url:https://a/b?sig=s3cret"), "url:https://a/b");
        assert_eq!(shown_name("file:/a?b#c"), "file:/a?b#c");
    }

    proptest! {
        #[test]
        fn any_text_can_be_redacted(text in "([@?#=/:'\" a]|\\PC)*") {
            let _ = redacted(&text);
        }
    }
}
