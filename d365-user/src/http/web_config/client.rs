//! Certificates of clients: which are asked for, and which are accepted.

use std::{net::IpAddr, sync::Arc};

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, RootCertStore,
    SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, UnixTime},
    server::{
        WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use x509_parser::{
    extensions::GeneralName,
    prelude::{FromDer as _, X509Certificate},
};

use super::error::Problem;

/// The values of `client_auth_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    /// No client is asked.
    None,
    /// A client may show a certificate, which nobody verifies.
    Request,
    /// A client has to show a certificate, which nobody verifies.
    RequireAny,
    /// A certificate is verified if a client shows one.
    VerifyIfGiven,
    /// A client has to show a certificate that an authority has signed.
    RequireAndVerify,
}

impl Policy {
    const ALL: [(&str, Self); 6] = [
        ("NoClientCert", Self::None),
        ("RequestClientCert", Self::Request),
        ("RequireAnyClientCert", Self::RequireAny),
        // The earlier name.
        ("RequireClientCert", Self::RequireAny),
        ("VerifyClientCertIfGiven", Self::VerifyIfGiven),
        ("RequireAndVerifyClientCert", Self::RequireAndVerify),
    ];

    pub(super) fn read(name: &str) -> Result<Self, Problem> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, policy)| *policy);
        found.ok_or_else(|| Problem::Unknown {
            value: name.escape_debug().to_string(),
            known: Self::ALL.map(|(known, _)| known).join(", "),
        })
    }

    pub(super) const fn verifies(self) -> bool {
        matches!(self, Self::VerifyIfGiven | Self::RequireAndVerify)
    }

    pub(super) const fn is_mandatory(self) -> bool {
        matches!(self, Self::RequireAny | Self::RequireAndVerify)
    }
}

/// Decides about the certificates of clients.
#[derive(Debug)]
pub(super) struct Clients {
    is_mandatory: bool,
    /// `None` if nobody verifies the certificates.
    chain: Option<Arc<dyn ClientCertVerifier>>,
    /// One of these names has to be in the certificate; empty for any.
    names: Vec<String>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Clients {
    /// A policy, with the authorities of a policy that verifies. If names are given, a client without a
    /// certificate is refused: it has none of them.
    pub(super) fn new(
        policy: Policy,
        authorities: Option<Vec<CertificateDer<'static>>>,
        names: &[String],
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, Problem> {
        let chain = authorities.filter(|_| policy.verifies()).map(|authorities| {
            let mut roots = RootCertStore::empty();
            authorities
                .into_iter()
                .try_for_each(|authority| roots.add(authority))
                .map_err(Problem::Authority)?;
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
            verifier.build().map_err(|error| Problem::Authority(Error::General(error.to_string())))
        });
        Ok(Self {
            is_mandatory: policy.is_mandatory() || !names.is_empty(),
            chain: chain.transpose()?,
            names: names.iter().map(|name| plain(name)).collect(),
            algorithms: provider.signature_verification_algorithms,
        })
    }

    fn check_names(&self, certificate: &CertificateDer<'_>) -> Result<(), Error> {
        if self.names.is_empty() {
            return Ok(());
        }
        let (_, certificate) = X509Certificate::from_der(certificate)
            .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let alternatives = certificate.subject_alternative_name();
        let alternatives =
            alternatives.map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let mut shown = alternatives.iter().flat_map(|extension| &extension.value.general_names);
        if shown.any(|name| text(name).is_some_and(|text| self.names.contains(&text))) {
            return Ok(());
        }
        Err(Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(NoneOfClientAllowedSans)))))
    }
}

/// rustls shows the name of this type.
#[derive(Debug, thiserror::Error)]
#[error("the client's certificate has none of client_allowed_sans")]
struct NoneOfClientAllowedSans;

/// A name of a certificate as `client_allowed_sans` has it; `None` for kinds that the field does not know.
fn text(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => {
            Some((*name).to_owned())
        }
        GeneralName::IPAddress(bytes) => {
            let address = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let address = address.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from)).ok()?;
            Some(address.to_canonical().to_string())
        }
        _ => None,
    }
}

/// An allowed name; an address in its usual form.
fn plain(name: &str) -> String {
    name.parse::<IpAddr>().map_or_else(|_| name.to_owned(), |address| address.to_canonical().to_string())
}

impl ClientCertVerifier for Clients {
    fn client_auth_mandatory(&self) -> bool {
        self.is_mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.as_ref().map_or(&[], |chain| chain.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some(chain) = &self.chain {
            chain.verify_client_cert(certificate, intermediates, now)?;
        }
        self.check_names(certificate)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
