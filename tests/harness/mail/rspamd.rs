//! Rspamd in Debian's configuration, without the modules that query DNS or servers on the Internet.

use anyhow::Result;

use super::{Root, Service};

/// The port that its milter listens on.
const MILTER: u16 = 11_332;
pub(super) const OWNER: u32 = 52_104;
pub(super) const REDIS_OWNER: u32 = 52_106;
/// The port on which Rspamd expects Redis.
const REDIS: u16 = 6379;

/// Modules that would wait for answers that never come.
const ASK_THE_NETWORK: &str =
    "asn rbl phishing fuzzy_check dmarc spf dkim arc multimap hfilter once_received mime_types";

/// No name server, and a short list of top-level domains, because Debian's list takes seconds to compile.
const OPTIONS: &str = r#"
dns { nameserver = ["127.0.0.1:53"]; timeout = 0.1s; retransmits = 1; }
url_tld = "/etc/rspamd/tld.dat";
disable_hyperscan = true;
"#;

/// Makes Rspamd write its results into the mail, where a test can read them.
const MILTER_HEADERS: &str = "use = [\"x-spamd-result\"]; skip_local = false;\n";

/// Starts Rspamd with these files of `/etc/rspamd` (name and text) and waits until its milter listens.
pub fn rspamd(root: &Root, files: &[(&str, &str)]) -> Result<Service> {
    root.add_user("_rspamd", OWNER)?;
    for directory in ["/var/lib/rspamd", "/var/log/rspamd", "/run/rspamd"] {
        root.directory(directory, OWNER)?;
    }
    for module in ASK_THE_NETWORK.split(' ') {
        root.write(&format!("/etc/rspamd/local.d/{module}.conf"), "enabled = false;\n")?;
    }
    let own = [
        ("tld.dat", "example\n"),
        ("local.d/options.inc", OPTIONS),
        ("local.d/logging.inc", "type = \"console\";\n"),
        ("local.d/milter_headers.conf", MILTER_HEADERS),
    ];
    for (name, text) in own.iter().chain(files) {
        root.write(&format!("/etc/rspamd/{name}"), text)?;
    }
    Service::listening(root, OWNER, MILTER, &["rspamd", "--no-fork"])
}

/// Starts Redis, in which Rspamd stores the data of its greylisting. It keeps all data in memory.
pub fn redis(root: &Root) -> Result<Service> {
    let memory = ["redis-server", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", "/tmp"];
    Service::listening(root, REDIS_OWNER, REDIS, &memory)
}
