//! Names and URLs of `url:` sources, and the parts of them that are never shown.

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> UrlSpec {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn a_source_is_called_by_its_name_or_by_its_url_without_the_query() {
    for (text, name, url) in [
        ("https://mirror.example/x.json", "https://mirror.example/x.json", "https://mirror.example/x.json"),
        ("https://m.example/x?sig=a=b&c", "https://m.example/x", "https://m.example/x?sig=a=b&c"),
        ("https://m.example/x#sig=a", "https://m.example/x", "https://m.example/x#sig=a"),
        ("https://m.example?a", "https://m.example", "https://m.example?a"),
        ("HTTPS://[::1]:8443/a=b/c", "HTTPS://[::1]:8443/a=b/c", "HTTPS://[::1]:8443/a=b/c"),
        ("mirror=https://m.example/x?sig=a", "mirror", "https://m.example/x?sig=a"),
        ("A-1._z=https://127.0.0.1/", "A-1._z", "https://127.0.0.1/"),
        ("https=https://m.example/x=y", "https", "https://m.example/x=y"),
    ] {
        let read = read(text);
        assert_eq!((read.to_string().as_str(), read.text.as_str()), (name, url), "{text}");
        assert_eq!(read.has_query(), url.contains(['?', '#']), "{text}");
    }
}

#[test]
fn a_rotated_token_is_the_same_source() {
    let (one, two) = (read("https://m.example/x?sig=1"), read("https://m.example/x?sig=2"));
    assert_ne!(one, two);
    assert_eq!(one.to_string(), two.to_string());
}

#[test]
fn an_invalid_name_is_an_error() {
    for text in ["=https://a/", "a b=https://a/", "ä=https://a/", "a:b=https://a/"] {
        assert!(matches!(text.parse::<UrlSpec>(), Err(UrlSpecError::Name(_))), "{text}");
    }
    for text in ["a=", "a=b", "a=b=https://c/"] {
        assert!(matches!(text.parse::<UrlSpec>(), Err(UrlSpecError::Url(..))), "{text}");
    }
}

#[test]
fn messages_have_no_secret() {
    for text in [
        "https://user:s3cret@a/",
        "ftp://a/?s3cret",
        "n=ftp://s3cret@a/",
        "x y?s3cret=https://a/",
        "a/?s3cret",
        "a?s3cret=https://a/",
    ] {
        let error = text.parse::<UrlSpec>().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{text}: {error}");
    }
    let user = "https://user:s3cret@a/".parse::<UrlSpec>().unwrap_err().to_string();
    assert!(user.contains("a user name or a password") && user.contains("in the query"), "{user}");
}

proptest! {
    #[test]
    fn any_text_is_a_source_that_shows_no_query_or_an_error_that_shows_none(
        text in "([a-z]=)?(https?://)?[a-z@./:=]{0,12}[?#]s3cret\\PC*",
    ) {
        match text.parse::<UrlSpec>() {
            Ok(read) => {
                let shown = format!("{read} {read:?}");
                prop_assert!(!shown.contains(['?', '#']));
                prop_assert!(text.ends_with(read.text.as_str()));
            }
            Err(error) => {
                let shown = format!("{error} {error:?}");
                prop_assert!(!shown.contains("s3cret"), "{}", shown);
            }
        }
    }
}
