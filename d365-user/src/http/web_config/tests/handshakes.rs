//! TLS handshakes in memory: versions, and clients with and without certificates.

use std::sync::Arc;

use rcgen::{CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, SanType};
use rustls::{
    ClientConfig, ClientConnection, Error, ProtocolVersion, RootCertStore, ServerConnection,
    SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    version::{TLS12, TLS13},
};

use super::*;

type Pair = (String, String);

/// A handshake with a client that offers these versions and has this certificate. Returns the version, or the
/// server's error.
fn handshake(
    config: &WebConfig,
    versions: &[&'static SupportedProtocolVersion],
    certificate: Option<&Pair>,
) -> Result<ProtocolVersion, Error> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(PAIR.0.as_bytes()).unwrap()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    let client = match certificate {
        None => client.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
            client
                .with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap())
                .unwrap()
        }
    };
    let mut client = ClientConnection::new(Arc::new(client), "localhost".try_into().unwrap()).unwrap();
    let mut server = ServerConnection::new(config.tls().unwrap()).unwrap();
    let mut bytes = Vec::new();
    while client.is_handshaking() || server.is_handshaking() {
        client.write_tls(&mut bytes).unwrap();
        server.read_tls(&mut &*std::mem::take(&mut bytes)).unwrap();
        server.process_new_packets()?;
        server.write_tls(&mut bytes).unwrap();
        client.read_tls(&mut &*std::mem::take(&mut bytes)).unwrap();
        client.process_new_packets().unwrap();
    }
    Ok(server.protocol_version().unwrap())
}

#[test]
fn versions_are_those_of_the_file() {
    let place = Place::new();
    let (old, new) = (Some(ProtocolVersion::TLSv1_2), Some(ProtocolVersion::TLSv1_3));
    for (more, expected) in [
        ("", [old, new]),
        ("  max_version: TLS12\n", [old, None]),
        ("  min_version: TLS13\n", [None, new]),
        ("  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]\n", [None, new]),
    ] {
        let config = place.read(&tls(more)).unwrap();
        assert_eq!(
            [&TLS12, &TLS13].map(|version| handshake(&config, &[version], None).ok()),
            expected,
            "{more}"
        );
    }
}

#[test]
fn clients_are_let_in_by_their_certificates() {
    let place = Place::new();
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    place.write("ca.pem", &issuer.pem());
    let issue = |names: Vec<SanType>, usage: ExtendedKeyUsagePurpose, not_after| -> Pair {
        let mut params = CertificateParams::new([]).unwrap();
        (params.subject_alt_names, params.extended_key_usages, params.not_after) =
            (names, vec![usage], not_after);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem())
    };
    let later = rcgen::date_time_ymd(4096, 1, 1);
    let client = ExtendedKeyUsagePurpose::ClientAuth;
    let good = issue(
        vec![
            SanType::DnsName("prometheus.example".try_into().unwrap()),
            SanType::IpAddress("2001:db8::7".parse().unwrap()),
            SanType::URI("spiffe://example/prometheus".try_into().unwrap()),
            SanType::Rfc822Name("ops@mail.example".try_into().unwrap()),
        ],
        client.clone(),
        later,
    );
    let expired = issue(vec![], client.clone(), rcgen::date_time_ymd(2020, 1, 1));
    let server = issue(vec![], ExtendedKeyUsagePurpose::ServerAuth, later);
    let clients = [None, Some(&good), Some(&*PAIR), Some(&expired), Some(&server)];
    let ca = "  client_ca_file: ca.pem\n";
    let sans = |name: &str| format!("{ca}  client_allowed_sans: [other.example, '{name}']\n");
    for (policy, more, expected) in [
        ("NoClientCert", "", [true; 5]),
        ("RequestClientCert", "", [true; 5]),
        ("RequireAnyClientCert", "", [false, true, true, true, true]),
        ("VerifyClientCertIfGiven", ca, [true, true, false, false, false]),
        ("RequireAndVerifyClientCert", ca, [false, true, false, false, false]),
        ("RequireAndVerifyClientCert", &sans("prometheus.example"), [false, true, false, false, false]),
        ("RequireAndVerifyClientCert", &sans("2001:DB8:0::7"), [false, true, false, false, false]),
        (
            "RequireAndVerifyClientCert",
            &sans("spiffe://example/prometheus"),
            [false, true, false, false, false],
        ),
        ("RequireAndVerifyClientCert", &sans("ops@mail.example"), [false, true, false, false, false]),
        ("RequireAndVerifyClientCert", &sans("example"), [false; 5]),
        // A name has to be shown, so a client without a certificate is refused.
        ("VerifyClientCertIfGiven", &sans("prometheus.example"), [false, true, false, false, false]),
        ("RequestClientCert", &sans("localhost"), [false, false, true, false, false]),
    ] {
        let config = place.read(&tls(&format!("  client_auth_type: {policy}\n{more}"))).unwrap();
        for version in [&TLS12, &TLS13] {
            let let_in = clients.map(|client| handshake(&config, &[version], client).is_ok());
            assert_eq!(let_in, expected, "{policy} {more} {version:?}");
        }
    }
    let config =
        place.read(&tls(&format!("  client_auth_type: RequireAnyClientCert\n{}", sans("a")))).unwrap();
    let error = handshake(&config, &[&TLS13], Some(&good)).unwrap_err().to_string();
    assert!(error.contains("NoneOfClientAllowedSans"), "{error}");
}
