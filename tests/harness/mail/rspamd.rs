//! Rspamd in Debian's configuration, without the modules that query DNS or servers on the Internet.

use anyhow::Result;

use super::{Root, service::Service};

/// The port that its milter listens on.
const MILTER: u16 = 11_332;
pub(super) const OWNER: u32 = 52_104;

/// Modules that would wait for answers that never come.
const ASK_THE_NETWORK: [&str; 12] = [
    "asn",
    "rbl",
    "phishing",
    "fuzzy_check",
    "dmarc",
    "spf",
    "dkim",
    "arc",
    "multimap",
    "hfilter",
    "once_received",
    "mime_types",
];

/// No name server, and a short list of top-level domains, because Debian's list takes seconds to compile.
const OPTIONS: &str = r#"
dns { nameserver = ["127.0.0.1:53"]; timeout = 0.1s; retransmits = 1; }
url_tld = "/etc/rspamd/tld.dat";
disable_hyperscan = true;
"#;

/// Makes Rspamd write its results into the mail, where a test can read them.
const MILTER_HEADERS: &str = "use = [\"x-spamd-result\"]; skip_local = false;\n";

/// A running Rspamd. Dropping it kills it.
#[derive(Debug)]
pub struct Rspamd {
    service: Service,
}

impl Rspamd {
    /// Starts Rspamd with these files of `/etc/rspamd` (name and text) and waits until its milter listens.
    pub fn start(root: &Root, files: &[(&str, &str)]) -> Result<Self> {
        root.add_user("_rspamd", OWNER)?;
        for directory in ["/var/lib/rspamd", "/var/log/rspamd", "/run/rspamd"] {
            root.directory(directory, OWNER)?;
        }
        for module in ASK_THE_NETWORK {
            root.write(&format!("/etc/rspamd/local.d/{module}.conf"), "enabled = false;\n")?;
        }
        root.write("/etc/rspamd/tld.dat", "example\n")?;
        root.write("/etc/rspamd/local.d/options.inc", OPTIONS)?;
        root.write("/etc/rspamd/local.d/logging.inc", "type = \"console\";\n")?;
        root.write("/etc/rspamd/local.d/milter_headers.conf", MILTER_HEADERS)?;
        for (name, text) in files {
            root.write(&format!("/etc/rspamd/{name}"), text)?;
        }
        Ok(Self { service: Service::start(root, OWNER, MILTER, &["rspamd", "--no-fork"])? })
    }

    /// Its log up to now.
    pub fn log(&self) -> String {
        self.service.output()
    }
}
