//! Rspamd with Debian's configuration, without the modules that ask DNS or servers on the Internet.

use std::{
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use super::Root;
use crate::{capture::Capture, child::Child, netns::Netns};

/// Where its milter listens.
const MILTER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 11_332);
const PATIENCE: Duration = Duration::from_secs(60);
const OWNER: u32 = 52_104;

/// What would wait for answers that never come.
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

/// No name server, and a short list of top-level domains: Debian's takes seconds to compile.
const OPTIONS: &str = r#"
dns { nameserver = ["127.0.0.1:53"]; timeout = 0.1s; retransmits = 1; }
url_tld = "/etc/rspamd/tld.dat";
disable_hyperscan = true;
"#;

/// Writes what it found into the mail, where a test can read it.
const MILTER_HEADERS: &str = "use = [\"x-spamd-result\"]; skip_local = false;\n";

/// A running Rspamd; killed when dropped.
#[derive(Debug)]
pub struct Rspamd {
    main: Child,
    log: Capture,
    errors: Capture,
}

impl Rspamd {
    /// Starts Rspamd with these Lua rules (`/etc/rspamd/rspamd.local.lua`) and waits until its milter listens.
    pub fn start(root: &Root, netns: &Netns, rules: &str) -> Result<Self> {
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
        root.write("/etc/rspamd/rspamd.local.lua", rules)?;
        let owner = OWNER.to_string();
        let mut main = root.spawn(&[
            "setpriv",
            "--reuid",
            &owner,
            "--regid",
            &owner,
            "--clear-groups",
            "rspamd",
            "--no-fork",
        ])?;
        let log = Capture::start(main.take_stdout().expect("piped"));
        let errors = Capture::start(main.take_stderr().expect("piped"));
        let mut rspamd = Self { main, log, errors };
        rspamd.wait_until_ready(netns)?;
        Ok(rspamd)
    }

    fn wait_until_ready(&mut self, netns: &Netns) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while netns.run(|| TcpStream::connect(MILTER)).is_err() {
            let ended = self.main.wait(Duration::ZERO)?;
            if ended.is_some() || Instant::now() >= deadline {
                bail!("Rspamd does not start ({ended:?}): {}{}", self.log.so_far(), self.errors.so_far());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}
