//! Certificates and keys, from a file or from the configuration itself.

use std::path::Path;

use rustls::pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject as _},
};

use super::{
    error::{FieldError, Problem},
    input::Input,
};

/// The two fields that can give one thing: its text, or the path of a file with it.
pub(super) struct Pair<'a> {
    pub(super) inline: (&'static str, Option<&'a str>),
    pub(super) file: (&'static str, Option<&'a str>),
}

/// A PEM text, and the field that it comes from.
pub(super) struct Text {
    pub(super) field: &'static str,
    text: String,
}

impl Pair<'_> {
    /// Reads the text; `None` if neither field is given. A relative path begins at `base`.
    pub(super) fn read(
        &self,
        base: &Path,
        is_secret: bool,
        input: &mut Input,
    ) -> Result<Option<Text>, FieldError> {
        match (self.inline, self.file) {
            ((field, Some(_)), (other, Some(_))) => Err((field, Problem::Both(last(other)))),
            ((field, Some(text)), _) => Ok(Some(Text { field, text: text.to_owned() })),
            (_, (field, Some(path))) => {
                if path.contains("-----BEGIN") || path.contains(char::is_control) {
                    return Err((field, Problem::NoPath));
                }
                let path = base.join(path);
                let text = input.read(&path);
                let text = text.map_err(|source| (field, Problem::Read { path: path.clone(), source }))?;
                if is_secret {
                    input.has_secret(&path);
                }
                Ok(Some(Text { field, text }))
            }
            _ => Ok(None),
        }
    }
}

impl Text {
    /// The certificates in it, at least one.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, FieldError> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(self.text.as_bytes()).collect();
        match found {
            Ok(found) if found.is_empty() => Err((self.field, Problem::NoCertificate)),
            Ok(found) => Ok(found),
            Err(error) => Err((self.field, pem_problem(&error))),
        }
    }

    /// The first private key in it.
    pub(super) fn key(&self) -> Result<PrivateKeyDer<'static>, FieldError> {
        PrivateKeyDer::from_pem_slice(self.text.as_bytes()).map_err(|error| match error {
            pem::Error::NoItemsFound => (self.field, Problem::NoKey),
            error => (self.field, pem_problem(&error)),
        })
    }
}

/// The problem without the text: some errors of the parser quote a line.
fn pem_problem(error: &pem::Error) -> Problem {
    let problem = match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no `-----END` line",
        pem::Error::IllegalSectionStart { .. } => "a `-----BEGIN` line is not valid",
        pem::Error::Base64Decode(_) => "a section is not valid base64",
        _ => "it is not valid",
    };
    Problem::Pem(problem.to_owned())
}

/// The last part of a field's path.
fn last(field: &'static str) -> &'static str {
    field.rsplit('.').next().unwrap_or(field)
}
