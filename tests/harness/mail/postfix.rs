//! Postfix in Debian's configuration, with a mailbox for every recipient of one domain, and without DNS.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};

use super::Root;
use crate::{capture::Capture, child::Child};

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
    master: Child,
    stdout: Capture,
    stderr: Capture,
}

impl Postfix {
    /// Starts Postfix with these additions to `main.cf` and `master.cf`, and waits until it listens.
    pub fn start(root: &Root, main: &str, master: &str) -> Result<Self> {
        root.add_user("postfix", OWNER)?;
        root.add_user("vmail", MAILBOX_OWNER)?;
        root.add_group("postdrop", POSTDROP)?;
        root.directory("/var/lib/postfix", OWNER)?;
        root.directory("/srv/mail", MAILBOX_OWNER)?;
        let debians = |name: &str| root.read(&format!("/usr/share/postfix/{name}"));
        root.write("/etc/postfix/main.cf", &format!("{}{MAIN}{main}", debians("main.cf.debian")?))?;
        root.write("/etc/postfix/master.cf", &format!("{}{master}", debians("master.cf.dist")?))?;
        root.write(LOG, "")?;
        // Debian's service unit runs this before each start. It makes the programs' own root directory.
        root.run("/usr/lib/postfix/configure-instance.sh", &["-"])?;
        let mut daemon = root.spawn(&["postfix", "start-fg"])?;
        let stdout = Capture::start(daemon.take_stdout().expect("piped"));
        let stderr = Capture::start(daemon.take_stderr().expect("piped"));
        let mut postfix = Self { root: root.clone(), master: daemon, stdout, stderr };
        postfix.wait_until_ready()?;
        Ok(postfix)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !self.log()?.contains("daemon started") {
            let ended = self.master.wait(Duration::ZERO)?;
            if ended.is_some() || Instant::now() >= deadline {
                let (stdout, stderr, log) = (self.stdout.so_far(), self.stderr.so_far(), self.log()?);
                bail!("Postfix does not start ({ended:?}): {stdout}{stderr}{log}");
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
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
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look()?.into_iter().find(|seen| seen.contains(text)) {
                return Ok(found);
            }
            let log = || self.log().unwrap_or_default();
            ensure!(Instant::now() < deadline, "no {what} with `{text}` within {PATIENCE:?}:\n{}", log());
            thread::sleep(Duration::from_millis(20));
        }
    }
}
