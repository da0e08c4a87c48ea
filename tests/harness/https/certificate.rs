//! An authority made at run time, and certificates that it signs.

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

/// Somebody who signs certificates, trusted by nobody until its own is.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A server's certificate and its key.
#[derive(Clone, Debug)]
pub struct Identity(pub(super) Arc<ServerConfig>);

impl Authority {
    /// A new one, of no relation to any other.
    pub fn new() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Self::named(&format!("authority {} of a test", NEXT.fetch_add(1, Ordering::Relaxed)))
    }

    /// A new one of this name.
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

    /// A certificate for these names and addresses.
    pub fn issue(&self, names: &[&str]) -> Result<Identity> {
        self.sign(&CertificateParams::new(owned(names))?)
    }

    /// A certificate for these names and addresses that was good until 2020.
    pub fn issue_expired(&self, names: &[&str]) -> Result<Identity> {
        let mut params = CertificateParams::new(owned(names))?;
        (params.not_before, params.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
        self.sign(&params)
    }

    /// A certificate of version 1, as old tools make them: without extensions, hence without a name.
    pub fn issue_version_1(&self) -> Result<Identity> {
        let key = KeyPair::generate()?;
        let signed = CertificateParams::new([])?.signed_by(&key, &self.0)?;
        let parts = der::fields(der::content(signed.der()));
        let (to_be_signed, algorithm) = (parts[0], parts[1]);
        // Version and extensions have tags of the certificate's own.
        let fields = der::fields(der::content(to_be_signed)).into_iter().filter(|field| field[0] < 0xa0);
        let to_be_signed = der::sequence(&fields.collect::<Vec<_>>().concat());
        let signature = self.0.key().sign(&to_be_signed)?;
        let signature = der::bits(&signature);
        let certificate = der::sequence(&[&to_be_signed[..], algorithm, &signature].concat());
        identity(certificate.into(), &key)
    }

    /// Its own certificate, shown as a server's.
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
    // Put together by hand: rustls refuses to show a certificate that it would not accept itself.
    let key = CertifiedKey::new(vec![certificate], provider.key_provider.load_private_key(key)?);
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    Ok(Identity(Arc::new(config)))
}

/// As much of the Distinguished Encoding Rules as a certificate needs that no library makes any more.
mod der {
    /// The content of an element.
    pub(super) fn content(element: &[u8]) -> &[u8] {
        &element[header(element)..]
    }

    /// The elements that follow each other.
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

    /// A length has no more bytes than it needs.
    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let [high, low] = u16::try_from(content.len()).expect("a short certificate").to_be_bytes();
        let length = match (high, low) {
            (0, 0..0x80) => vec![low],
            (0, _) => vec![0x81, low],
            _ => vec![0x82, high, low],
        };
        [&[tag], &length[..], content].concat()
    }

    /// Bytes of tag and length.
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

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
