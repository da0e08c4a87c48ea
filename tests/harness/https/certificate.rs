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
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SigningKey as _, date_time_ymd,
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

    /// Issues a certificate for these names and addresses, for servers and clients. Returns it and its key in
    /// PEM.
    pub fn issue_pem(&self, names: &[&str]) -> Result<(String, String)> {
        let mut params = CertificateParams::new(owned(names))?;
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate()?;
        Ok((params.signed_by(&key, &self.0)?.pem(), key.serialize_pem()))
    }

    /// Issues a certificate for these names and addresses. It is valid from the beginning of the first year
    /// to that of the second.
    pub fn issue_between(&self, years: [i32; 2], names: &[&str]) -> Result<Identity> {
        let mut params = CertificateParams::new(owned(names))?;
        [params.not_before, params.not_after] = years.map(|year| date_time_ymd(year, 1, 1));
        self.sign(&params)
    }

    /// Issues a certificate of version 1, as old tools make them: without extensions, and so without a name.
    pub fn issue_version_1(&self) -> Result<Identity> {
        let key = KeyPair::generate()?;
        let signed = CertificateParams::new([])?.signed_by(&key, &self.0)?;
        let parts = der::fields(der::content(signed.der()));
        let (to_be_signed, algorithm) = (parts[0], parts[1]);
        // Version and extensions have context-specific tags, from 0xa0 on.
        let fields = der::fields(der::content(to_be_signed)).into_iter().filter(|field| field[0] < 0xa0);
        let to_be_signed = der::sequence(&fields.collect::<Vec<_>>().concat());
        let signature = self.0.key().sign(&to_be_signed)?;
        let signature = der::bits(&signature);
        let certificate = der::sequence(&[&to_be_signed[..], algorithm, &signature].concat());
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

/// The part of the Distinguished Encoding Rules that a certificate of version 1 needs. No library makes one
/// any more.
mod der {
    pub(super) fn content(element: &[u8]) -> &[u8] {
        &element[header(element)..]
    }

    /// Splits elements that follow each other.
    pub(super) fn fields(mut all: &[u8]) -> Vec<&[u8]> {
        let mut fields = Vec::new();
        while !all.is_empty() {
            let (field, rest) = all.split_at(header(all) + length(all));
            fields.push(field);
            all = rest;
        }
        fields
    }

    pub(super) fn sequence(content: &[u8]) -> Vec<u8> {
        element(0x30, content)
    }

    /// A bit string of whole bytes.
    pub(super) fn bits(content: &[u8]) -> Vec<u8> {
        element(0x03, &[&[0], content].concat())
    }

    /// Writes an element. Its length has no more bytes than necessary.
    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let [high, low] = u16::try_from(content.len()).expect("a short certificate").to_be_bytes();
        let length = match (high, low) {
            (0, 0..0x80) => vec![low],
            (0, _) => vec![0x81, low],
            _ => vec![0x82, high, low],
        };
        [&[tag], &length[..], content].concat()
    }

    /// The number of bytes of tag and length.
    fn header(element: &[u8]) -> usize {
        if element[1] < 0x80 { 2 } else { 2 + usize::from(element[1] & 0x7f) }
    }

    fn length(element: &[u8]) -> usize {
        match &element[1..header(element)] {
            [short] => usize::from(*short),
            long => long[1..].iter().fold(0, |length, byte| (length << 8) | usize::from(*byte)),
        }
    }
}
