//! A certificate authority made at run time, and certificates that it signs.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    SigningKey as _, date_time_ymd,
};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    sign::{CertifiedKey, SingleCertAndKey},
};

/// A certificate authority. Nobody trusts it until its own certificate is trusted.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A server's certificate and its key.
#[derive(Clone, Debug)]
pub struct Identity(pub(super) Arc<ServerConfig>);

impl Authority {
    /// Makes a new authority that is unrelated to any other.
    pub fn new() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Self::named(&format!("authority {} of a test", NEXT.fetch_add(1, Ordering::Relaxed)))
    }

    /// Makes a new authority of this name.
    pub fn named(name: &str) -> Result<Self> {
        let mut params = CertificateParams::new([])?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// Its certificate, in PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Writes its certificate to a file.
    pub fn write(&self, path: &Path) -> Result<()> {
        std::fs::write(path, self.pem()).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Issues a certificate for these names and addresses.
    pub fn issue(&self, names: &[&str]) -> Result<Identity> {
        self.sign(&CertificateParams::new(owned(names))?)
    }

    /// Issues a certificate for these names and addresses that expired in 2020.
    pub fn issue_expired(&self, names: &[&str]) -> Result<Identity> {
        let mut params = CertificateParams::new(owned(names))?;
        (params.not_before, params.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
        self.sign(&params)
    }

    /// Issues a certificate of version 1, as old tools make them: without extensions, and so without a name.
    #[expect(clippy::redundant_closure_for_method_calls, reason = "the method itself does not compile here")]
    pub fn issue_version_1(&self) -> Result<Identity> {
        let key = KeyPair::generate()?;
        let signed = CertificateParams::new([])?.signed_by(&key, &self.0)?;
        let (fields, algorithm) = yasna::parse_der(signed.der(), |whole| {
            whole.read_sequence(|parts| {
                let fields = parts.next().collect_sequence_of(|field| field.read_der())?;
                let algorithm = parts.next().read_der()?;
                parts.next().read_der()?;
                Ok((fields, algorithm))
            })
        })?;
        // Version and extensions have context-specific tags, from 0xa0 on.
        let fields: Vec<_> = fields.into_iter().filter(|field| field[0] < 0xa0).collect();
        let to_be_signed = yasna::construct_der_seq(|sequence| {
            fields.iter().for_each(|field| sequence.next().write_der(field));
        });
        let signature = self.0.key().sign(&to_be_signed)?;
        let certificate = yasna::construct_der_seq(|sequence| {
            sequence.next().write_der(&to_be_signed);
            sequence.next().write_der(&algorithm);
            sequence.next().write_bitvec_bytes(&signature, 8 * signature.len());
        });
        identity(certificate.into(), &key)
    }

    /// Its own certificate, presented as a server's.
    pub fn as_a_server(&self) -> Result<Identity> {
        identity(self.0.der().clone(), self.0.key())
    }

    fn sign(&self, params: &CertificateParams) -> Result<Identity> {
        let key = KeyPair::generate()?;
        identity(params.signed_by(&key, &self.0)?.der().clone(), &key)
    }
}

fn identity(certificate: CertificateDer<'static>, key: &KeyPair) -> Result<Identity> {
    let provider = ring::default_provider();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    // Built by hand, because rustls refuses to present a certificate that it would not accept itself.
    let key = CertifiedKey::new(vec![certificate], provider.key_provider.load_private_key(key)?);
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    Ok(Identity(Arc::new(config)))
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
