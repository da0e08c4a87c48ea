//! Verdicts on files: this program's, that of `promtool check web-config`, and that of `node_exporter`, which
//! serves or ends. They are Debian 12's, with exporter-toolkit 0.8. Each deliberate difference has its
//! reason.

use std::fs;

use d365_tests::{https::Authority, prometheus::Prometheus, promtool, require, temp::TempDir};
use d365_user::http::WebConfig;

use super::served::HASH;
use Verdict::{Alike, Differs, Newer, OnlyAtStart};

/// The verdict of Prometheus's programs in relation to ours.
enum Verdict {
    /// Both say the same.
    Alike,
    /// Both say the opposite, for this reason.
    Differs(&'static str),
    /// promtool accepts what `node_exporter` refuses at its start; ours is promtool's verdict.
    OnlyAtStart(&'static str),
    /// The field is newer than exporter-toolkit 0.8, which refuses it.
    Newer,
}

/// Files with our verdict: true if it is accepted.
fn cases() -> Vec<(String, bool, Verdict)> {
    let tls = |more: &str| format!("tls_server_config:\n  cert_file: s.pem\n  key_file: s.key\n{more}");
    let users = |hash: &str| format!("basic_auth_users: {{a: '{hash}'}}\n");
    let with_ca = |policy: &str| tls(&format!("  client_auth_type: {policy}\n  client_ca_file: ca.pem\n"));
    let suites = |suites: &str| tls(&format!("  cipher_suites: [{suites}]\n"));
    let header = |header: &str| format!("http_server_config: {{headers: {{{header}}}}}\n");
    let mut cases = vec![
        ("{}\n".into(), true, Alike),
        ("# nothing\n".into(), true, Alike),
        ("tls_server_config:\nbasic_auth_users:\nhttp_server_config:\n".into(), true, Alike),
        (tls(""), true, Alike),
        (tls("http_server_config: {http2: false}\n"), true, Alike),
        (tls("http_server_config: {http2: true}\n"), true, Alike),
        (tls("").replace("s.pem", "both.pem").replace("s.key", "both.pem"), true, Alike),
        (with_ca("RequireAndVerifyClientCert"), true, Alike),
        (with_ca("VerifyClientCertIfGiven"), true, Alike),
        (with_ca("RequestClientCert"), true, Alike),
        (with_ca("RequireAnyClientCert"), true, Alike),
        (tls("  client_auth_type: RequireClientCert\n"), true, Alike),
        (tls("  client_auth_type: NoClientCert\n"), true, Alike),
        (tls("  min_version: TLS12\n  max_version: TLS13\n"), true, Alike),
        (tls("  min_version: TLS13\n"), true, Alike),
        (tls("  prefer_server_cipher_suites: false\n"), true, Alike),
        (tls("  prefer_server_cipher_suites: yes\n"), true, Alike),
        (
            suites("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
            true,
            Alike,
        ),
        (suites("TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"), true, Alike),
        (tls("  curve_preferences: [X25519, CurveP256, CurveP384]\n"), true, Alike),
        (users(HASH), true, Alike),
        (users(&HASH.replace("$2b$", "$2y$")), true, Alike),
        (users(&HASH.replace("$2b$", "$2a$")), true, Alike),
        (format!("{}{}", tls(""), users(HASH)), true, Alike),
        ("basic_auth_users: {}\n".into(), true, Alike),
        (header("X-Frame-Options: sameorigin, Content-Security-Policy: default-src 'self'"), true, Alike),
        (header("X-XSS-Protection: ''"), true, Alike),
        // Refused by all.
        ("words\n".into(), false, Alike),
        ("tls_server_config: \"\n".into(), false, Alike),
        ("tls_server: {}\n".into(), false, Alike),
        ("tls_server_config: {certificate: s.pem}\n".into(), false, Alike),
        ("basic_auth_users: [a]\n".into(), false, Alike),
        ("basic_auth_users: {}\nbasic_auth_users: {}\n".into(), false, Alike),
        ("tls_server_config: {cert_file: s.pem}\n".into(), false, Alike),
        ("tls_server_config: {key_file: s.key}\n".into(), false, Alike),
        ("tls_server_config: {client_auth_type: RequireAnyClientCert}\n".into(), false, Alike),
        (tls("").replace("s.pem", "none.pem"), false, Alike),
        (tls("").replace("s.key", "none.key"), false, Alike),
        (tls("").replace("s.pem", "s.key"), false, Alike),
        (tls("").replace("s.key", "s.pem"), false, Alike),
        (tls("").replace("s.key", "other.key"), false, Alike),
        (tls("").replace("s.key", "empty"), false, Alike),
        (tls("  client_ca_file: ca.pem\n"), false, Alike),
        (with_ca("Everybody"), false, Alike),
        (with_ca("RequireAndVerifyClientCert").replace("ca.pem", "none.pem"), false, Alike),
        (tls("  min_version: TLS9\n"), false, Alike),
        (suites("TLS_INVENTED"), false, Alike),
        (tls("  curve_preferences: [Curve1]\n"), false, Alike),
        (users("secret"), false, Alike),
        (users("$5$rounds=1000$abcdefgh$0123456789012345678901234567890123456789012"), false, Alike),
        (users(&HASH.replace("$06$", "$32$")), false, Alike),
        (header("Server: x"), false, Alike),
        (header("x-frame-options: deny"), false, Alike),
        (header("X-Frame-Options: allow"), false, Alike),
        (header("X-Content-Type-Options: ''"), false, Alike),
        // Fields that came later.
        ("rate_limit: {interval: 1s, burst: 5}\n".into(), true, Newer),
        (format!("{}  client_allowed_sans: [a]\n", with_ca("RequireAndVerifyClientCert")), true, Newer),
        (inline(), true, Newer),
    ];
    cases.extend(differences(&tls, &users));
    cases
}

fn inline() -> String {
    let (certificate, key) = Authority::new().unwrap().issue_pem(&["127.0.0.1"]).unwrap();
    let block = |text: &str| text.lines().fold(String::new(), |block, line| format!("{block}    {line}\n"));
    format!("tls_server_config:\n  cert: |\n{}  key: |\n{}", block(&certificate), block(&key))
}

fn differences(tls: &dyn Fn(&str) -> String, users: &dyn Fn(&str) -> String) -> Vec<(String, bool, Verdict)> {
    vec![
        (
            String::new(),
            false,
            Differs("a full disk leaves an empty file, which would take all protection away"),
        ),
        (tls("  min_version: TLS10\n"), false, Differs("rustls has no TLS 1.0 and 1.1")),
        (tls("  max_version: TLS11\n"), false, Differs("rustls has no TLS 1.0 and 1.1")),
        (tls("  min_version: TLS13\n  max_version: TLS12\n"), false, Differs("no client could connect")),
        (
            tls(
                "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]\n",
            ),
            false,
            Differs("rustls has no CBC suites"),
        ),
        (tls("  curve_preferences: [CurveP521]\n"), false, Differs("ring has no P-521")),
        (
            tls("  client_auth_type: RequireAndVerifyClientCert\n"),
            false,
            Differs(
                "Go takes the system's authorities, and so lets in everybody who has a public certificate",
            ),
        ),
        (
            tls("  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: empty\n"),
            false,
            Differs("Go takes an empty pool, and no client could connect"),
        ),
        ("tls_server_config: {min_version: TLS13}\n".into(), false, Differs("Go serves without TLS")),
        (users(&HASH.replace("$06$", "$19$")), false, Differs("one check would outlast the connection")),
        (
            users(&format!("{HASH}x")),
            false,
            Differs("Go reads the hash when it is needed, and then refuses every password"),
        ),
        (
            "basic_auth_users: {'a:b': '$2b$06$8.JYUk5tmN9cMBhGsWPe5.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxu'}\n"
                .into(),
            false,
            Differs("such a user could not log in"),
        ),
        (
            tls("  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]\n"),
            true,
            OnlyAtStart("HTTP/2 needs a certain suite; this program speaks HTTP/1.1"),
        ),
    ]
}

#[test]
fn the_verdicts_are_those_of_prometheus_but_for_the_listed_ones() {
    require!(Tool("promtool"), Tool("prometheus-node-exporter"));
    let (authority, place) = (Authority::new().unwrap(), TempDir::new("web"));
    let (certificate, key) = authority.issue_pem(&["127.0.0.1"]).unwrap();
    let other = authority.issue_pem(&["127.0.0.1"]).unwrap().1;
    authority.write(&place.file("ca.pem")).unwrap();
    let both = format!("{key}{certificate}");
    for (name, text) in [
        ("s.pem", &certificate),
        ("s.key", &key),
        ("other.key", &other),
        ("both.pem", &both),
        ("empty", &String::new()),
    ] {
        fs::write(place.file(name), text).unwrap();
    }
    let file = place.file("web.yml");
    let mut wrong = Vec::new();
    for (text, is_accepted, verdict) in cases() {
        fs::write(&file, &text).unwrap();
        let ours = WebConfig::read(&file).err().map(|error| error.to_string());
        let checked = promtool::refusal("web-config", &file).unwrap();
        let served = Prometheus::refusal_of_node_exporter(&file).unwrap();
        let (reason, expected) = match verdict {
            Alike => ("", [is_accepted, is_accepted]),
            Differs(reason) => (reason, [!is_accepted, !is_accepted]),
            OnlyAtStart(reason) => (reason, [true, false]),
            Newer => ("a newer field", [false, false]),
        };
        let found = [&ours, &checked, &served].map(Option::is_none);
        if found != [is_accepted, expected[0], expected[1]] {
            wrong.push(format!(
                "{text}({reason})\nours: {ours:?}\npromtool: {checked:?}\nnode_exporter: {}\n",
                served.as_deref().and_then(|log| log.lines().last()).unwrap_or("serves")
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
