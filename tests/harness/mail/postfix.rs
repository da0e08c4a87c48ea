//! Postfix in Debian's configuration, with a mailbox for every recipient of one domain, and without DNS.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::{Root, Service};
use crate::patience;

const LOG: &str = "/var/log/mail.log";
const MAILBOX: &str = "/srv/mail/inbox/new";
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) const OWNER: u32 = 52_101;
const POSTDROP: u32 = 52_102;
pub(super) const MAILBOX_OWNER: u32 = 52_103;

/// Settings of a machine with a mailbox domain and without DNS, in addition to Debian's defaults.
const MAIN: &str = "
maillog_file = /var/log/mail.log
myhostname = mx.example
mydestination =
alias_maps =
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
smtpd_relay_restrictions = reject_unauth_destination
virtual_mailbox_domains = mx.example
virtual_mailbox_base = /srv/mail
virtual_mailbox_maps = static:inbox/
virtual_uid_maps = static:52103
virtual_gid_maps = static:52103
";

/// A running Postfix. Dropping it kills it.
#[derive(Debug)]
pub struct Postfix {
    root: Root,
    _master: Service,
}

impl Postfix {
    /// Starts Postfix with these additions to `main.cf` and `master.cf`, and waits until it listens.
    pub fn start(root: &Root, main: &str, master: &str) -> Result<Self> {
        Self::add_users(root)?;
        root.add_user("vmail", MAILBOX_OWNER)?;
        root.directory("/var/lib/postfix", OWNER)?;
        root.directory("/srv/mail", MAILBOX_OWNER)?;
        let debians = |name: &str| root.read(&format!("/usr/share/postfix/{name}"));
        root.write("/etc/postfix/main.cf", &format!("{}{MAIN}{main}", debians("main.cf.debian")?))?;
        root.write("/etc/postfix/master.cf", &format!("{}{master}", debians("master.cf.dist")?))?;
        root.write(LOG, "")?;
        // Debian's service unit runs this before each start. It makes the programs' own root directory.
        root.run("/usr/lib/postfix/configure-instance.sh", &["-"])?;
        let is_ready = || Ok(root.read(LOG)?.contains("daemon started"));
        let master = Service::start(root, &["postfix", "start-fg"], is_ready)?;
        Ok(Self { root: root.clone(), _master: master })
    }

    /// Looks keys up in a table. Returns each line that `postmap` prints: a key and its value.
    pub fn look_up(root: &Root, table: &str, keys: &str) -> Result<String> {
        Self::add_users(root)?;
        root.write("/etc/postfix/main.cf", MAIN)?;
        root.feed("postmap", &["-q", "-", table], keys)
    }

    /// The users and groups that Postfix's programs look for.
    fn add_users(root: &Root) -> Result<()> {
        root.add_user("postfix", OWNER)?;
        root.add_group("postdrop", POSTDROP)
    }

    /// Its log up to now.
    pub fn log(&self) -> Result<String> {
        self.root.read(LOG)
    }

    /// Waits until a line of the log contains this text, and returns the line. A separate process writes the
    /// log, some time after the event.
    pub fn logged(&self, text: &str) -> Result<String> {
        let lines = || Ok(self.log()?.lines().map(str::to_owned).collect());
        self.find(text, "line of the log", lines)
    }

    /// Waits until a mail with this text is in the mailbox, and returns the mail as it was delivered.
    pub fn delivered(&self, text: &str) -> Result<String> {
        self.find(text, "mail", || self.root.files(MAILBOX))
    }

    /// Waits until one of the texts that `look` returns contains this one.
    fn find(&self, text: &str, what: &str, look: impl Fn() -> Result<Vec<String>>) -> Result<String> {
        let found = patience::wait(PATIENCE, || Ok(look()?.into_iter().find(|seen| seen.contains(text))))?;
        let log = || self.log().unwrap_or_default();
        found.with_context(|| format!("no {what} with `{text}` within {PATIENCE:?}:\n{}", log()))
    }
}
