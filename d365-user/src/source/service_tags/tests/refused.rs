//! Rejected texts, with their reasons and messages.

use super::*;

fn refused(text: &str) -> DocumentError {
    with(text, &Options::default()).map_or_else(|error| error, |read| panic!("accepted {text}: {read:?}"))
}

fn reason(text: &str) -> &'static str {
    refused(text).as_str()
}

fn limited(text: &str, limits: Limits) -> Result<Document, DocumentError> {
    with(text, &Options { limits, ..Options::default() })
}

#[test]
fn each_reason_has_its_word_and_its_message() {
    let no_tag = public(&value("AzureCloud", r#""1.2.3.0/24""#));
    let invalid = public(&tag(r#""x", 7"#));
    let most_invalid = public(&tag(r#"7, "1.2.3.0/24", "x\u001b", null"#));
    let told = [
        ("empty", "", "the document is empty"),
        ("empty", "\u{feff} \r\n\t", "the document is empty"),
        ("empty", &" ".repeat(5_000), "the document is empty"),
        (
            "html",
            "<!DOCTYPE html><p>busy",
            "this is a web page (HTML), not the service tags document; look at it in a browser",
        ),
        (
            "html",
            "\r\n<HTML><HEAD>",
            "this is a web page (HTML), not the service tags document; look at it in a browser",
        ),
        (
            "html",
            "<?xml version=\"1.0\"?><!-- x --><html>",
            "this is a web page (HTML), not the service tags document; look at it in a browser",
        ),
        (
            "xml",
            "\u{feff}<?xml version=\"1.0\"?><Error>",
            "this is XML, not the service tags document; open it, it may say what is wrong",
        ),
        ("syntax", "<", "not valid JSON at line 1, column 1; check that it is the service tags document"),
        (
            "encoding",
            "{\0\"\0c\0",
            "it is text in UTF-16, as PowerShell's `>` writes; save it as UTF-8 (Out-File -Encoding utf8, or iconv -f UTF-16 -t UTF-8)",
        ),
        ("truncated", "{\n\"cloud\": \"Pub", "the document is cut off at line 2; fetch it again"),
        (
            "syntax",
            "Not Found",
            "not valid JSON at line 1, column 1; check that it is the service tags document",
        ),
        (
            "shape",
            "[]",
            "JSON, but no service tags document: it is the list of its values alone; take the whole, without jq's .values or --query: the field cloud is next to them",
        ),
        ("shape", "{}", "JSON, but no service tags document: the field cloud is missing"),
        (
            "shape",
            "{\"cloud\": \"Public\"}",
            "JSON, but no service tags document: the field values is missing",
        ),
        (
            "wrong_cloud",
            "{\"cloud\": \"Mars\\n\", \"values\": []}",
            "this is the document of the cloud \"Mars\\n\", expected a known one",
        ),
        (
            "no_tag",
            &no_tag,
            "the service tag Dynamics365ForMarketingEmail is not in the document of change number 398",
        ),
        (
            "no_valid_prefix",
            &invalid,
            "the service tag Dynamics365ForMarketingEmail holds no valid prefix among 2 entries",
        ),
        (
            "too_many_invalid",
            &most_invalid,
            "3 of the 4 entries of the service tag Dynamics365ForMarketingEmail are no prefix, and at most a tenth may be, the \
             first is \"(not a string)\"; look at the document, and fetch it again",
        ),
    ];
    for (word, text, message) in told {
        let error = refused(text);
        assert_eq!((error.as_str(), error.to_string().as_str()), (word, message), "{text}");
        assert!(DocumentError::REASONS.contains(&word));
    }
}

#[test]
fn what_is_json_but_no_document_is_told_apart_from_what_is_no_json() {
    let whole = public(&tag(r#""1.2.3.0/24""#));
    for text in [
        "null",
        "7",
        "\"error\"",
        r#"{"error": {"code": "ServerBusy"}}"#,
        r#"{"cloud": null}"#,
        r#"{"cloud": ["Public"]}"#,
        r#"{"cloud": "Public", "values": null}"#,
        r#"{"cloud": "Public", "values": {}}"#,
        r#"{"cloud": "Public", "values": [7]}"#,
        r#"{"cloud": "Public", "values": [{"name": 7}]}"#,
        &public(&format!(r#"["{TAG}", {{"addressPrefixes": ["1.2.3.0/24"]}}]"#)),
        &public(&format!(r#"{{"name": "{TAG}", "properties": [5, ["1.2.3.0/24"]]}}"#)),
        r#"{"cloud": "Public", "cloud": "China", "values": []}"#,
        r#"{"cloud": "Public", "values": [], "values": []}"#,
        &public(r#"{"name": "a", "name": "b"}"#),
        &public(r#"{"properties": {}, "properties": {}, "name": "AzureCloud.x"}"#),
        &public(&tag("").replace("[]", r#""1.2.3.0/24""#)),
        &public(&tag("").replace("[]", r#"[], "addressPrefixes": []"#)),
    ] {
        assert_eq!(reason(text), "shape", "{text}");
    }
    for text in [
        "garbage",
        "\u{0}",
        "{'cloud': 1}",
        "{\"cloud\": \"Public\",}",
        &format!("{whole}}}"),
        &format!("{whole}{whole}"),
        &whole.replace("1.2.3.0", "1.2\n.3.0"),
        &whole.replace("1.2.3.0", "\\ud800"),
        &whole.replace("398", "0398"),
    ] {
        assert_eq!(reason(text), "syntax", "{text}");
    }
    let latin = [&whole.as_bytes()[..20], &b"\xfc"[..], &whole.as_bytes()[20..]].concat();
    assert_eq!(read(latin.as_slice(), &Options::default()).unwrap_err().as_str(), "syntax");
}

#[test]
fn markup_is_told_from_text_that_begins_like_it() {
    for (word, text) in [
        ("html", "<h1>503 Service Unavailable</h1>"),
        ("html", "<center>nginx"),
        ("html", "<!-- x --><title>Access Denied"),
        ("xml", "<Error><Code>AuthenticationFailed</Code></Error>"),
        ("xml", "<soap:Envelope xmlns:soap=\"x\">"),
        ("xml", "<x/>"),
        ("syntax", "<< HEAD >>\n{}"),
        ("syntax", "<paste the list here>"),
        ("syntax", "< html >"),
        ("syntax", "<1>"),
    ] {
        assert_eq!(reason(text), word, "{text}");
    }
}

/// Each text comes with the words of the message that give the next step.
#[test]
fn other_shapes_of_the_same_list_are_named() {
    let shallow =
        public(&format!(r#"{{"Name": "{TAG}", "Properties": "Microsoft.Azure.Commands.Network.Models.X"}}"#));
    let joined = public(&format!(
        r#"{{"name": "{TAG}", "properties": {{"addressPrefixes": "1.2.3.0/24 5.6.7.0/24"}}}}"#
    ));
    for (text, words) in [
        (r#"[{"name": "ActionGroup", "properties": {}}]"#, "--query"),
        (r#"["1.2.3.0/24", "5.6.7.0/24"]"#, "jq -r '.[]'"),
        (
            r#"{"address_prefixes": ["1.2.3.0/24"], "id": "x", "service": "y"}"#,
            "azurerm_network_service_tags",
        ),
        (
            r#"{"name": "x", "properties": {"addressPrefixes": ["1.2.3.0/24"]}}"#,
            "azurerm_network_service_tags",
        ),
        (r#"{"format_version": "1.0", "values": {"outputs": {}}}"#, "terraform output -json NAME"),
        (r#"{"values": [], "nextLink": "x"}"#, "the field cloud is missing"),
        (r#"{"error": {"code": "ServerBusy"}}"#, "an error message"),
        (&shallow, "-Depth 5"),
        (&joined, "-Depth 5"),
    ] {
        let error = refused(text);
        assert_eq!(error.as_str(), "shape", "{text}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn an_entry_without_prefixes_holds_no_valid_one() {
    for text in
        [public(&tag("")), public(&tag("").replace("[]", "null")), public(&format!(r#"{{"name": "{TAG}"}}"#))]
    {
        assert_eq!(reason(&text), "no_valid_prefix", "{text}");
    }
}

#[test]
fn only_the_cloud_that_was_asked_for_is_accepted() {
    for cloud in Cloud::ALL {
        let text = public(&tag(r#""1.2.3.0/24""#)).replace("Public", cloud.document_name());
        assert_eq!(document(&text).cloud, cloud);
        for asked in Cloud::ALL {
            let read = with(&text, &Options { cloud: Some(asked), ..Options::default() });
            if asked == cloud {
                assert_eq!(read.unwrap().cloud, cloud);
            } else {
                let error = read.unwrap_err();
                assert_eq!(error.as_str(), "wrong_cloud");
                assert!(
                    error.to_string().ends_with(&format!("expected {}", asked.document_name())),
                    "{error}"
                );
            }
        }
    }
}

#[test]
fn every_truncation_is_refused() {
    let text = public(&tag(r#""1.2.3.0/24", "x\n", 7, null"#));
    for end in 1..text.len() {
        assert_eq!(reason(&text[..end]), "truncated", "{end}");
    }
}

#[test]
fn the_limit_of_bytes_is_exact() {
    let text = public(&tag(r#""1.2.3.0/24""#));
    let limits = |bytes| Limits { bytes, ..Limits::default() };
    let length = u64::try_from(text.len()).unwrap();
    assert!(limited(&text, limits(length)).is_ok());
    let error = limited(&text, limits(length - 1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("larger than {} bytes, which no service tags document is", length - 1)
    );
    assert_eq!(limited(&format!("{text}\n"), limits(length)).unwrap_err().as_str(), "too_large");
    assert_eq!(limited(&text, limits(0)).unwrap_err().as_str(), "too_large");
    assert_eq!(limited("", limits(0)).unwrap_err().as_str(), "empty");
    let endless = text.as_bytes().chain(io::repeat(b' '));
    assert_eq!(read(endless, &Options::default()).unwrap_err().as_str(), "too_large");
}

#[test]
fn the_limit_of_prefixes_counts_what_is_kept() {
    let limits = |prefixes| Limits { prefixes, ..Limits::default() };
    let three = r#""1.2.3.0/24","x","5.6.7.0/24""#;
    let values = [
        tag(&valid(3).join(",")),
        value(&format!("{TAG}.WestUS"), three),
        value("AzureCloud.westus", three),
        value("Other", three),
    ];
    let text = public(&values.join(","));
    assert!(limited(&text, limits(9)).is_ok());
    let error = limited(&text, limits(8)).unwrap_err();
    assert_eq!(error.to_string(), "more than 8 prefixes, which no service tags document has");
    assert_eq!(error.as_str(), "too_many");
    let regions = vec![value("AzureCloud.x", ""); regions::MAX_REGIONS + 1].join(",");
    assert_eq!(
        refused(&public(&regions)).to_string(),
        "more than 4096 regions, which no service tags document has"
    );
}

#[test]
fn the_limit_of_depth_is_exact_wherever_it_is_reached() {
    let limits = |depth| Limits { depth, ..Limits::default() };
    let deep =
        |open: &str, close: &str, levels: usize| format!("{}7{}", open.repeat(levels), close.repeat(levels));
    // The number of levels around each place.
    let places = [
        (1, r#"{"x": @, "cloud": "Public", "values": []}"#),
        (1, r#"{"changeNumber": @, "cloud": "Public", "values": []}"#),
        (3, r#"{"cloud": "Public", "values": [{"id": @}]}"#),
        (3, r#"{"cloud": "Public", "values": [{"name": "x", "properties": @}]}"#),
        (4, r#"{"cloud": "Public", "values": [{"properties": {"region": @}}]}"#),
        (4, r#"{"cloud": "Public", "values": [{"properties": {"changeNumber": @}}]}"#),
        (5, r#"{"cloud": "Public", "values": [{"properties": {"addressPrefixes": [@]}}]}"#),
    ];
    for (around, text) in places {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let nested = |levels| text.replace('@', &deep(open, close, levels));
            assert_eq!(limited(&nested(12 - around), limits(12)).unwrap_err().as_str(), "no_tag", "{text}");
            let error = limited(&nested(13 - around), limits(12)).unwrap_err();
            assert_eq!(
                error.to_string(),
                "arrays and objects in it are nested deeper than 12 levels, as in no service tags document"
            );
            assert_eq!(reason(&nested(100_000)), "too_deep", "{text}");
            assert_eq!(
                limited(&nested(100 - around), limits(100)).unwrap_err().as_str(),
                "no_tag",
                "below serde_json's own limit"
            );
        }
    }
    assert_eq!(reason(&"[".repeat(100_000)), "shape");
}

#[test]
fn an_error_of_the_input_is_kept() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::new(io::ErrorKind::ConnectionReset, "reset by the test"))
        }
    }
    let text = public(&tag(r#""1.2.3.0/24""#));
    for cut in [0, 50, text.len()] {
        let error = read(text.as_bytes()[..cut].chain(Broken), &Options::default()).unwrap_err();
        assert_eq!(error.to_string(), "cannot read the document to its end: reset by the test");
        assert!(matches!(&error, DocumentError::Io(cause) if cause.kind() == io::ErrorKind::ConnectionReset));
        assert_eq!(error.as_str(), "io");
    }
}
