//! Tests of the format: good files, bad files, and each field.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

use rcgen::{CertificateParams, KeyPair, generate_simple_self_signed};

use super::{WebConfig, WebConfigError};

mod bad;
mod followed;
mod good;
mod handshakes;
mod passwords;

/// The hash of `test`, with the lowest cost.
const HASH: &str = "$2b$04$8.JYUk5tmN9cMBhGsWPe5.Ai16TPtogfkTAy092yVJu/muj5MyYk.";

/// A certificate and its key.
static PAIR: LazyLock<(String, String)> = LazyLock::new(|| {
    let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
});

/// A directory with the files that configurations name.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("d365-web-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let place = Self(std::env::temp_dir().join(name));
        fs::create_dir(&place.0).unwrap();
        place.write("c.pem", &PAIR.0);
        place.write("k.pem", &PAIR.1);
        place.write("other.pem", &KeyPair::generate().unwrap().serialize_pem());
        place.write("empty", "");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn write(&self, name: &str, text: &str) {
        // A rename, as it replaces a file in one step.
        fs::write(self.path("new"), text).unwrap();
        fs::set_permissions(self.path("new"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::rename(self.path("new"), self.path(name)).unwrap();
    }

    /// Reads this text as a configuration.
    fn read(&self, text: &str) -> Result<WebConfig, WebConfigError> {
        self.write("web.yml", text);
        WebConfig::read(&self.path("web.yml"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A section `tls_server_config` with the pair in files, and more fields.
fn tls(more: &str) -> String {
    format!("tls_server_config:\n  cert_file: c.pem\n  key_file: k.pem\n{more}")
}

/// A text as a value of several lines.
fn block(text: &str) -> String {
    text.lines().fold("|\n".to_owned(), |block, line| format!("{block}    {line}\n"))
}

fn authority() -> String {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
}
