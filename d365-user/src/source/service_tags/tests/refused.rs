//! Rejected texts, with their reasons and messages.

use super::*;

fn refused(text: &str) -> DocumentError {
    with(text, &Options::default()).map_or_else(|error| error, |read| panic!("accepted {text}: {read:?}"))
}

fn reason(text: &str) -> &'static str {
    refused(text).reason().as_str()
}

#[test]
fn each_reason_has_its_word_and_its_message() {
    let no_tag = public(&value("AzureCloud", r#""1.2.3.0/24""#));
    let invalid = public(&tag(r#""x", 7"#));
    let most_invalid = public(&tag(r#"7, "1.2.3.0/24", "x\u001b", null"#));
    let html = "this is a web page (HTML), not the service tags document; look at it in a browser";
    let expected = [
        ("empty", "", "the document is empty"),
        ("empty", "\u{feff} \r\n\t", "the document is empty"),
        ("empty", &" ".repeat(5_000), "the document is empty"),
        ("html", "<!DOCTYPE html><p>busy", html),
        ("html", "\r\n<HTML><HEAD>", html),
        ("html", "<?xml version=\"1.0\"?><!-- x --><html>", html),
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
            "3 of the 4 entries of the service tag Dynamics365ForMarketingEmail are not prefixes, and at most a tenth may be \
             invalid; the first is \"7\"; look at the document, and fetch it again",
        ),
    ];
    for (word, text, message) in expected {
        let error = refused(text);
        assert_eq!((error.reason().as_str(), error.to_string().as_str()), (word, message), "{text}");
        assert!([Reason::of_file(), Reason::of_download()].iter().all(|all| all.contains(&error.reason())));
    }
}

#[test]
fn json_that_is_no_document_markup_and_text_are_distinguished() {
    let whole = public(&tag(r#""1.2.3.0/24""#));
    let properties = |text: &str| public(&format!(r#"{{"name": "{TAG}", "properties": {text}}}"#));
    for (word, text) in [
        ("shape", "null"),
        ("shape", "7"),
        ("shape", "\"error\""),
        ("shape", r#"{"cloud": null}"#),
        ("shape", r#"{"cloud": ["Public"]}"#),
        ("shape", r#"{"cloud": "Public", "values": null}"#),
        ("shape", r#"{"cloud": "Public", "values": {}}"#),
        ("shape", r#"{"cloud": "Public", "values": [7]}"#),
        ("shape", r#"{"cloud": "Public", "values": [{"name": 7}]}"#),
        ("shape", &properties(r#"[5, ["1.2.3.0/24"]]"#)),
        ("shape", &properties("7")),
        ("shape", &properties(r#"{"addressPrefixes": [], "addressPrefixes": []}"#)),
        ("shape", r#"{"cloud": "Public", "cloud": "China", "values": []}"#),
        ("shape", r#"{"cloud": "Public", "values": [], "values": []}"#),
        ("shape", &public(r#"{"name": "a", "name": "b"}"#)),
        ("shape", &public(r#"{"properties": {}, "properties": {}, "name": "AzureCloud.x"}"#)),
        ("shape", &"[".repeat(100_000)),
        ("no_valid_prefix", &properties("null")),
        ("no_valid_prefix", &properties("{}")),
        ("no_valid_prefix", &public(&tag(""))),
        ("no_valid_prefix", &public(&tag("").replace("[]", "null"))),
        ("no_valid_prefix", &whole.replace("1.2.3.0", "\\ud800")),
        ("syntax", "Not Found"),
        ("syntax", "\u{0}"),
        ("syntax", "{'cloud': 1}"),
        ("syntax", "{\"cloud\": \"Public\",}"),
        ("syntax", &format!("{whole}}}")),
        ("syntax", &format!("{whole}{whole}")),
        ("syntax", &whole.replace("1.2.3.0", "1.2\n.3.0")),
        ("syntax", &whole.replace("398", "0398")),
        ("syntax", "<< HEAD >>\n{}"),
        ("syntax", "<paste the list here>"),
        ("syntax", "< html >"),
        ("syntax", "<1>"),
        ("html", "<h1>503 Service Unavailable</h1>"),
        ("html", "<center>nginx"),
        ("html", "<!-- x --><title>Access Denied"),
        ("xml", "<Error><Code>AuthenticationFailed</Code></Error>"),
        ("xml", "<soap:Envelope xmlns:soap=\"x\">"),
        ("xml", "<x/>"),
    ] {
        assert_eq!(reason(text), word, "{text}");
    }
    let latin = [&whole.as_bytes()[..20], &b"\xfc"[..], &whole.as_bytes()[20..]].concat();
    assert_eq!(read(&latin, &Options::default()).unwrap_err().reason(), Reason::Syntax);
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
        assert_eq!(error.reason(), Reason::Shape, "{text}");
        assert!(error.to_string().contains(words), "{error}");
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
                assert_eq!(error.reason(), Reason::WrongCloud);
                let end = format!("expected {}", asked.document_name());
                assert!(error.to_string().ends_with(&end), "{error}");
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
fn the_limit_of_prefixes_counts_what_is_kept() {
    let values = |count: usize| {
        let third = |count| vec![r#""1.2.3.0/24""#; count].join(",");
        let values = [
            tag(&valid(9).join(",")),
            value(&format!("{TAG}.WestUS"), &third(count - 9 - 100)),
            value("AzureCloud.westus", &(third(99) + r#","x""#)),
            value("Other", &third(100)),
        ];
        public(&values.join(","))
    };
    assert_eq!(document(&values(MAX_PREFIXES)).list.entries.len(), 9);
    let error = refused(&values(MAX_PREFIXES + 1));
    assert_eq!(error.to_string(), "more than 262144 prefixes, which no service tags document has");
    assert_eq!(error.reason(), Reason::TooMany);
    let regions = vec![value("AzureCloud.x", ""); regions::MAX_REGIONS + 1].join(",");
    assert_eq!(
        refused(&public(&regions)).to_string(),
        "more than 4096 regions, which no service tags document has"
    );
}

#[test]
fn the_limit_of_depth_is_exact_wherever_it_is_reached() {
    let deep =
        |open: &str, close: &str, levels: usize| format!("{}7{}", open.repeat(levels), close.repeat(levels));
    // The number of levels around each place.
    let places = [
        (1, r#"{"x": @, "cloud": "Public", "values": []}"#),
        (1, r#"{"changeNumber": @, "cloud": "Public", "values": []}"#),
        (3, r#"{"cloud": "Public", "values": [{"id": @}]}"#),
        (4, r#"{"cloud": "Public", "values": [{"properties": {"region": "{[\"[", "changeNumber": @}}]}"#),
        (5, r#"{"cloud": "Public", "values": [{"properties": {"addressPrefixes": [[], @, {}]}}]}"#),
    ];
    for (around, text) in places {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let nested = |levels| text.replace('@', &deep(open, close, levels));
            assert_eq!(reason(&nested(MAX_DEPTH - around)), "no_tag", "{text}");
            let error = refused(&nested(MAX_DEPTH + 1 - around));
            assert_eq!(
                error.to_string(),
                "arrays and objects in it are nested deeper than 32 levels, as in no service tags document"
            );
            assert_eq!(reason(&nested(100_000)), "too_deep", "{text}");
        }
    }
}
