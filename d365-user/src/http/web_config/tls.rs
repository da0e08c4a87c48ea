//! TLS from `tls_server_config`.

use std::{path::Path, sync::Arc};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::CertificateDer,
    server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{
    client::{Clients, Policy},
    error::{FieldError, Problem},
    file,
    input::Input,
    names,
    pem::Pair,
};

/// TLS as it is served.
pub(super) struct Tls {
    pub(super) config: Arc<ServerConfig>,
    pub(super) policy: Policy,
    /// True if the server's certificate is not valid now.
    pub(super) is_out_of_date: bool,
}

/// Reads the section. A relative path begins at `base`.
pub(super) fn read(tls: &file::Tls, base: &Path, input: &mut Input) -> Result<Tls, FieldError> {
    let certificate = Pair {
        inline: ("tls_server_config.cert", given(&tls.cert)),
        file: ("tls_server_config.cert_file", given(&tls.cert_file)),
    };
    let key = Pair {
        inline: ("tls_server_config.key", given(&tls.key)),
        file: ("tls_server_config.key_file", given(&tls.key_file)),
    };
    let missing = |what| ("tls_server_config", Problem::Missing(what));
    let certificate = certificate.read(base, false, input)?.ok_or_else(|| missing("cert_file"))?;
    let key = key.read(base, true, input)?.ok_or_else(|| missing("key_file"))?;
    let chain = certificate.certificates()?;
    let is_out_of_date = chain.first().is_some_and(is_out_of_date);

    let mut provider = ring::default_provider();
    if let Some(suites) = tls.cipher_suites.as_deref().filter(|suites| !suites.is_empty()) {
        provider.cipher_suites = names::suites(suites, &provider)?;
    }
    if let Some(curves) = tls.curve_preferences.as_deref().filter(|curves| !curves.is_empty()) {
        provider.kx_groups = names::curves(curves, &provider)?;
    }
    let versions = names::versions(given(&tls.min_version), given(&tls.max_version))?;
    let provider = Arc::new(provider);
    let (policy, clients) = clients(tls, base, input, &provider)?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map_err(|error| ("tls_server_config.cipher_suites", Problem::Suites(error)))?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key.key()?);
    let mut config = config.map_err(|error| (key.field, Problem::KeyPair(error)))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.ignore_client_order = tls.prefer_server_cipher_suites.unwrap_or(true);
    // A session that is resumed would not have its client's certificate verified again.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Tls { config: Arc::new(config), policy, is_out_of_date })
}

/// The policy on clients' certificates, and its verifier.
fn clients(
    tls: &file::Tls,
    base: &Path,
    input: &mut Input,
    provider: &Arc<rustls::crypto::CryptoProvider>,
) -> Result<(Policy, Arc<dyn ClientCertVerifier>), FieldError> {
    let field = "tls_server_config.client_auth_type";
    let policy = given(&tls.client_auth_type).map_or(Ok(Policy::None), Policy::read);
    let policy = policy.map_err(|problem| (field, problem))?;
    let authorities = Pair {
        inline: ("tls_server_config.client_ca", given(&tls.client_ca)),
        file: ("tls_server_config.client_ca_file", given(&tls.client_ca_file)),
    };
    let authorities = authorities.read(base, false, input)?;
    let names = tls.client_allowed_sans.as_deref().unwrap_or_default();
    match &authorities {
        Some(given) if policy == Policy::None => return Err((given.field, Problem::NeedsClientAuth)),
        None if policy.verifies() => return Err((field, Problem::NeedsAuthority)),
        _ if policy == Policy::None && !names.is_empty() => {
            return Err(("tls_server_config.client_allowed_sans", Problem::NeedsClientAuth));
        }
        _ => {}
    }
    if policy == Policy::None {
        return Ok((policy, WebPkiClientVerifier::no_client_auth()));
    }
    let field = authorities.as_ref().map_or(field, |given| given.field);
    let authorities = authorities.map(|given| given.certificates()).transpose()?;
    let clients = Clients::new(policy, authorities, names, provider).map_err(|problem| (field, problem))?;
    Ok((policy, Arc::new(clients)))
}

/// A field's value; one that is empty counts as not given, as in exporter-toolkit.
fn given(field: &Option<String>) -> Option<&str> {
    field.as_deref().filter(|value| !value.is_empty())
}

fn is_out_of_date(certificate: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(certificate).is_ok_and(|(_, certificate)| !certificate.validity().is_valid())
}
