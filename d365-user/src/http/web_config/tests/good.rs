//! Files that are accepted, and their meaning.

use rustls::{CipherSuite, NamedGroup};

use super::{super::Remark, *};

#[test]
fn protection_is_what_the_file_has() {
    let place = Place::new();
    let cases = [
        ("{}", false, false),
        ("# a remark\n---\n", false, false),
        ("tls_server_config:\nhttp_server_config:\nbasic_auth_users:\nrate_limit:\n", false, false),
        ("tls_server_config:\n  cert_file:\n  cipher_suites:\n", false, false),
        ("basic_auth_users: {}\n", false, false),
        (&tls(""), true, false),
        (&format!("basic_auth_users:\n  a: {HASH}\n  b: '{HASH}'\n"), false, true),
        (&format!("{}basic_auth_users: {{a: {HASH}}}\n", tls("")), true, true),
    ];
    for (text, has_tls, has_passwords) in cases {
        let config = place.read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((config.has_tls(), config.has_passwords()), (has_tls, has_passwords), "{text}");
        assert!(
            config.allows_request() && config.headers().is_empty() && config.remarks().is_empty(),
            "{text}"
        );
    }
}

#[test]
fn every_field_of_tls_is_accepted() {
    let place = Place::new();
    place.write("ca.pem", &authority());
    let inline = format!("tls_server_config:\n  cert: {}  key: {}", block(&PAIR.0), block(&PAIR.1));
    place.read(&inline).unwrap();
    let inline_ca =
        format!("  client_auth_type: RequireAndVerifyClientCert\n  client_ca: {}", block(&authority()));
    for more in [
        "  client_auth_type: NoClientCert\n",
        "  client_auth_type: RequestClientCert\n",
        "  client_auth_type: RequireClientCert\n",
        "  client_auth_type: RequireAnyClientCert\n  client_ca_file: ca.pem\n",
        "  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ca.pem\n",
        "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n  client_allowed_sans:\n  - prometheus\n  - 192.0.2.1\n",
        &inline_ca,
        "  min_version: TLS12\n  max_version: TLS12\n",
        "  min_version: TLS13\n  max_version: TLS13\n",
        "  prefer_server_cipher_suites: false\n",
        "  prefer_server_cipher_suites: true\n",
        "  cipher_suites: []\n  curve_preferences: []\n",
        "  curve_preferences: [CurveP384, CurveP256, X25519]\n",
    ] {
        place.read(&tls(more)).unwrap_or_else(|error| panic!("{more}: {error}"));
    }
}

#[test]
fn suites_and_curves_are_those_of_the_file() {
    let place = Place::new();
    let config = place
        .read(&tls("  prefer_server_cipher_suites: false\n  cipher_suites:\n  \
             - TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256\n  - TLS_AES_128_GCM_SHA256\n  \
             - TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256\n  curve_preferences: [CurveP384, X25519]\n"))
        .unwrap();
    let config = config.tls().unwrap();
    let provider = config.crypto_provider();
    let suites: Vec<_> = provider.cipher_suites.iter().map(rustls::SupportedCipherSuite::suite).collect();
    let expected = [
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ];
    assert_eq!(suites[3..], expected, "behind those of TLS 1.3, in the order of the file");
    let groups: Vec<_> = provider.kx_groups.iter().map(|group| group.name()).collect();
    assert_eq!(groups, [NamedGroup::secp384r1, NamedGroup::X25519]);
    assert!(!config.ignore_client_order && place.read(&tls("")).unwrap().tls().unwrap().ignore_client_order);
    assert_eq!(config.alpn_protocols, [b"http/1.1"]);
}

#[test]
fn headers_and_the_limit_of_requests() {
    let place = Place::new();
    let config = place
        .read(
            "http_server_config:\n  http2: true\n  headers:\n    X-Frame-Options: deny\n    X-XSS-Protection: ''\n    \
             X-Content-Type-Options: nosniff\n    Strict-Transport-Security: max-age=1\n    \
             Content-Security-Policy: default-src 'none'\nrate_limit:\n  interval: 1h\n  burst: 2\n",
        )
        .unwrap();
    let headers: Vec<_> =
        config.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let expected: [(&str, &[u8]); 4] = [
        ("content-security-policy", b"default-src 'none'"),
        ("strict-transport-security", b"max-age=1"),
        ("x-content-type-options", b"nosniff"),
        ("x-frame-options", b"deny"),
    ];
    assert!(headers.len() == 4 && expected.iter().all(|header| headers.contains(header)), "{headers:?}");
    assert_eq!([(); 3].map(|()| config.allows_request()), [true, true, false]);
    for off in ["rate_limit: {interval: 0, burst: 0}", "rate_limit: {burst: 5}", "rate_limit: {interval: 0s}"]
    {
        let config = place.read(off).unwrap();
        assert!((0..1000).all(|_| config.allows_request()), "{off}");
    }
}

#[test]
fn what_is_odd_is_a_remark() {
    let place = Place::new();
    let remarks = |text: &str| place.read(text).unwrap().remarks().to_vec();
    for (policy, is_odd) in
        [("NoClientCert", false), ("RequestClientCert", true), ("RequireAnyClientCert", true)]
    {
        let found = remarks(&tls(&format!("  client_auth_type: {policy}\n")));
        assert_eq!(found == [Remark::AnyClient], is_odd, "{policy}: {found:?}");
    }
    let public =
        |name: &str| fs::set_permissions(place.path(name), fs::Permissions::from_mode(0o644)).unwrap();
    public("k.pem");
    public("c.pem");
    assert_eq!(remarks(&tls("")), [Remark::Public(place.path("k.pem"))]);
    for (text, has_secret) in [(format!("basic_auth_users: {{a: {HASH}}}"), true), ("{}".to_owned(), false)] {
        place.write("web.yml", &text);
        public("web.yml");
        let found = WebConfig::read(&place.path("web.yml")).unwrap();
        assert_eq!(found.remarks() == [Remark::Public(place.path("web.yml"))], has_secret, "{text}");
    }
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let key = KeyPair::generate().unwrap();
    place.write("c.pem", &params.self_signed(&key).unwrap().pem());
    place.write("k.pem", &key.serialize_pem());
    assert_eq!(remarks(&tls("")), [Remark::OutOfDate]);
}
