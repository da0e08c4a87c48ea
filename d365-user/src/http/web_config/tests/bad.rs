//! Files that are refused, each with a message that names the place and has no secret.

use proptest::{collection::vec, prelude::*};

use super::*;

/// Parts of a hash and of a key, which no message may have.
const SECRETS: [&str; 3] = ["8.JYUk5t", "Ai16TPto", "s3cret"];

fn message(place: &Place, text: &str) -> String {
    let Err(error) = place.read(text) else { panic!("accepted: {text}") };
    let message = error.to_string();
    let key_line = PAIR.1.lines().nth(1).unwrap();
    let leaks = SECRETS.iter().chain([&key_line]).any(|secret| message.contains(secret));
    assert!(!leaks && !format!("{error:?}").contains(key_line), "a secret in: {message}");
    assert!(message.contains("web.yml") && !message.contains('\n'), "{message}");
    message
}

#[test]
fn the_format_is_strict() {
    let place = Place::new();
    for (text, expected) in [
        ("", "is empty"),
        (" \n\n", "is empty"),
        (
            "tls_server_conf: {}",
            "line 1, column 1: the field `tls_server_conf` is not known here; there are tls_server_config, ",
        ),
        ("tls_server_config:\n  certfile: c.pem", "line 2, column 3: the field `certfile`"),
        ("http_server_config:\n  http3: true", "the field `http3`"),
        ("rate_limit:\n  bursts: 1", "the field `bursts`"),
        ("rate_limit: {burst: 1}\nrate_limit: {burst: 2}", "line 2, column 1: a field is given twice"),
        ("rate_limit:\n  burst: many", "line 2, column 10: the value is no"),
        ("rate_limit:\n  burst: -1", "line 2, column 10: the value is no"),
        ("http_server_config:\n  http2: perhaps", "line 2, column 10: the value is no bool"),
        ("tls_server_config: [a]", "line 1, column "),
        ("tls_server_config:\n  cipher_suites: {a: b}", "line 2, column "),
        ("just words", "line 1, column 1"),
        ("tls_server_config: \"unfinished", "is no YAML"),
        ("{}\n---\n{}\n", "a second document"),
        ("basic_auth_users: $2b$04$8.JYUk5tmN9cMBhGsWPe5.Ai16TPto", "line 1, column "),
        ("basic_auth_users:\n  - $2b$04$8.JYUk5tmN9cMBhGsWPe5.Ai16TPto", "line 2, column "),
        ("basic_auth_users:\n  a:\n", "line 2, column "),
        ("$2b$04$8.JYUk5tmN9cMBhGsWPe5.Ai16TPto: a", "line 1, column 1: a field is not known"),
        ("basic_auth_users:\n  a: *s3cret", "line 2"),
    ] {
        let message = message(&place, text);
        assert!(message.contains(expected), "{text}: {message}");
    }
    place.write("binary", "x");
    fs::write(place.path("binary"), [0xff, 0xfe, 0, 1]).unwrap();
    assert!(WebConfig::read(&place.path("binary")).is_err());
    fs::write(place.path("large"), " ".repeat((1 << 20) + 1)).unwrap();
    for (name, expected) in [("nothing", "No such file"), ("", "no regular file"), ("large", "larger than")] {
        let error = WebConfig::read(&place.path(name)).err().unwrap().to_string();
        assert!(
            error.contains(expected) && error.starts_with("cannot read the web configuration "),
            "{error}"
        );
    }
}

#[test]
fn every_field_is_checked() {
    let place = Place::new();
    place.write("ca.pem", &authority());
    let without = |field: &str| {
        let lines = tls("");
        lines
            .lines()
            .filter(|line| !line.contains(field))
            .fold(String::new(), |text, line| text + line + "\n")
    };
    let both = tls(&format!("  key: {}", block(&PAIR.1)));
    let cases = [
        (without("cert_file"), "tls_server_config: cert_file is missing"),
        (without("key_file"), "tls_server_config: key_file is missing"),
        ("tls_server_config: {min_version: TLS13}".into(), "cert_file is missing"),
        (tls("").replace("c.pem", "none.pem"), "tls_server_config.cert_file: cannot read "),
        (tls("").replace("k.pem", "none.pem"), "tls_server_config.key_file: cannot read "),
        (tls("").replace("c.pem", "k.pem"), "tls_server_config.cert_file: there is no certificate"),
        (tls("").replace("c.pem", "empty"), "tls_server_config.cert_file: there is no certificate"),
        (tls("").replace("k.pem", "c.pem"), "tls_server_config.key_file: there is no private key"),
        (tls("").replace("k.pem", "other.pem"), "tls_server_config.key_file: the key does not fit"),
        (both, "tls_server_config.key: key_file is given as well"),
        (tls("  cert: x\n"), "tls_server_config.cert: cert_file is given as well"),
        (
            tls("  client_auth_type: Nobody\n"),
            "client_auth_type: `Nobody` is not known; there are NoClientCert, ",
        ),
        (
            tls("  client_auth_type: RequireAndVerifyClientCert\n"),
            "client_auth_type: it needs client_ca_file",
        ),
        (tls("  client_auth_type: VerifyClientCertIfGiven\n"), "client_auth_type: it needs client_ca_file"),
        (tls("  client_ca_file: ca.pem\n"), "client_ca_file: it needs a client_auth_type"),
        (tls("  client_allowed_sans: [a]\n"), "client_allowed_sans: it needs a client_auth_type"),
        (
            tls("  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: none.pem\n"),
            "client_ca_file: cannot read ",
        ),
        (
            tls("  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: empty\n"),
            "client_ca_file: there is no certificate",
        ),
        (
            tls("  min_version: TLS11\n"),
            "min_version: TLS11 is not supported by this program; it has TLS12, TLS13",
        ),
        (tls("  max_version: TLS10\n"), "max_version: TLS10 is not supported"),
        (tls("  max_version: TLS14\n"), "max_version: `TLS14` is not known"),
        (tls("  min_version: TLS13\n  max_version: TLS12\n"), "min_version is above max_version"),
        (
            tls("  cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]\n"),
            "cipher_suites: TLS_RSA_WITH_AES_128_CBC_SHA is not supp",
        ),
        (tls("  cipher_suites: [TLS_X]\n"), "cipher_suites: `TLS_X` is not known"),
        (tls("  curve_preferences: [CurveP521]\n"), "curve_preferences: CurveP521 is not supported"),
        (tls("  curve_preferences: [P256]\n"), "curve_preferences: `P256` is not known"),
        (
            "http_server_config: {headers: {Server: x}}".into(),
            "headers: the header `Server` cannot be set; there are Content",
        ),
        ("http_server_config: {headers: {x-frame-options: deny}}".into(), "the header `x-frame-options`"),
        (
            "http_server_config: {headers: {X-Frame-Options: allow}}".into(),
            "X-Frame-Options is not allowed; expected deny or",
        ),
        ("http_server_config: {headers: {X-Content-Type-Options: ''}}".into(), "expected nosniff"),
        (
            "http_server_config: {headers: {X-XSS-Protection: \"a\\nb\"}}".into(),
            "expected visible characters",
        ),
        (
            format!("tls_server_config: {{cert: {:?}, key_file: {:?}}}", PAIR.0, PAIR.1),
            "key_file: it needs the path of a file; PEM text belongs",
        ),
        ("basic_auth_users: {a: s3cret}".into(), "basic_auth_users: the hash of user 1 is not a bcrypt hash"),
        (format!("basic_auth_users: {{b: {HASH}, s3cret: b}}"), "the hash of user 2 is not a bcrypt hash"),
        (format!("basic_auth_users: {{'{HASH}': a}}"), "the hash of user 1 is not a bcrypt hash"),
        (format!("basic_auth_users: {{a: {HASH}x}}"), "is not a bcrypt hash"),
        (format!("basic_auth_users: {{a: {}}}", HASH.replace("$2b$", "$5$$")), "is not a bcrypt hash"),
        (
            format!("basic_auth_users: {{a: {}}}", HASH.replace("$04$", "$31$")),
            "has cost 31; costs from 4 to 18",
        ),
        (format!("basic_auth_users: {{a: {}}}", HASH.replace("$04$", "$03$")), "has cost 3;"),
        (format!("basic_auth_users: {{'a:b': {HASH}}}"), "a user's name is empty, or has a colon"),
        (format!("basic_auth_users: {{'': {HASH}}}"), "a user's name is empty"),
        ("rate_limit: {interval: 1s}".into(), "rate_limit.burst: a burst of at least 1"),
        ("rate_limit: {interval: 1, burst: 1}".into(), "rate_limit.interval: the duration is not valid"),
        ("rate_limit: {interval: -1s, burst: 1}".into(), "rate_limit.interval: the duration is not valid"),
    ];
    for (text, expected) in cases {
        let message = message(&place, &text);
        assert!(message.contains(expected), "{text}: {message}");
    }
}

/// Pieces of files, in any order.
const PIECES: [&str; 28] = [
    "tls_server_config",
    "basic_auth_users",
    "http_server_config",
    "rate_limit",
    "cert_file",
    "key",
    "cipher_suites",
    "headers",
    "interval",
    "burst",
    "c.pem",
    HASH,
    "1s",
    "7",
    ": ",
    ":",
    "\n",
    "\n  ",
    "\n  - ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "|\n",
    "'",
    "---\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused_in_one_line(pieces in vec(0..PIECES.len(), 0..40), odd in any::<char>(), at in 0_usize..200) {
        let mut text: String = pieces.into_iter().map(|piece| PIECES[piece]).collect();
        let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.insert(at, odd);
        let place = Place::new();
        if let Err(error) = place.read(&text) {
            let message = error.to_string();
            prop_assert!(!message.contains('\n') && !message.contains(&HASH[7..]), "{message}");
        }
    }
}

/// Aliases that grow without an end, and nesting that is deep.
#[test]
fn a_small_file_costs_little() {
    let place = Place::new();
    let mut bomb = "basic_auth_users:\n  a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        bomb += &format!("  a{level}: &a{level} [{}]\n", [before.as_str(); 9].join(", "));
    }
    let since = std::time::Instant::now();
    message(&place, &bomb);
    message(&place, &"[".repeat(100_000));
    message(&place, &"{a: ".repeat(50_000));
    assert!(since.elapsed() < std::time::Duration::from_secs(10), "{:?}", since.elapsed());
}
