//! Rspamd, Postgrey and postscreen: tagged connections skip greylisting, and Rspamd gives their mail a
//! symbol. All others are deferred as before and are then delivered.

use std::net::IpAddr;

use d365_tests::{
    lab::Lab,
    mail::{self, Postfix, Reply, Root, Service, postgrey, recipe, redis},
    require,
};

use super::{lab, listed, send, steer, strangers, tagging};
use crate::steps::until;

const MILTER: &str = "smtpd_milters = inet:127.0.0.1:11332\nmilter_default_action = tempfail\n";
/// A score that makes all mail suspicious enough for greylisting, even with the recipe's -2.
const SUSPICIOUS: &str = "
rspamd_config.SUSPICIOUS = { callback = function() return true end, score = 8.0, group = 'test' }
";
const SHORT: &str = "timeout = 2s;\n";

/// A mail server on the lab's host.
struct Server {
    postfix: Postfix,
    root: Root,
    lab: Lab,
}

impl Server {
    /// Starts Postfix with the recipe for this program.
    fn start(lab: Lab, root: Root, main: &str, with: &str) -> Self {
        let master = recipe(&format!("# /etc/postfix/master.cf, with {with}")).unwrap();
        let postfix = Postfix::start(&root, main, &master).unwrap();
        Self { postfix, root, lab }
    }

    fn send(&self, source: IpAddr, subject: &str) -> Reply {
        send(&self.lab, &self.root, source, subject)
    }

    fn delivered(&self, subject: &str) -> String {
        self.postfix.delivered(&format!("\nSubject: {subject}\n")).unwrap()
    }

    /// Sends a mail from each listed source, which must be accepted at the first attempt. Returns the
    /// delivered mails.
    fn accepts_listed(&self) -> [String; 2] {
        listed().map(|source| {
            let subject = format!("listed {source}");
            assert_eq!(self.send(source, &subject), Reply::Accepted, "{source}");
            let mail = self.delivered(&subject);
            let id = mail.rsplit_once(" with ESMTP id ").unwrap().1.split_whitespace().next().unwrap();
            let client = self.postfix.logged(&format!("{id}: client=")).unwrap();
            assert!(client.contains(" postfix/d365/smtpd["), "{client}");
            mail
        })
    }

    /// Sends a mail from each unlisted source until it is accepted. The first reply must be a deferral with
    /// these words. Returns the delivered mails.
    fn makes_strangers_wait(&self, words: &str) -> [String; 2] {
        strangers().map(|source| {
            let (subject, log) = (format!("stranger {source}"), || self.postfix.log().unwrap());
            match self.send(source, &subject) {
                Reply::Deferred(reply) => assert!(reply.contains(words), "{source}: {reply}"),
                Reply::Accepted => panic!("{source} was not greylisted:\n{}", log()),
            }
            until(30, || self.send(source, &subject) == Reply::Accepted, log);
            self.delivered(&subject)
        })
    }
}

/// Starts Rspamd with the page's rules and greylisting, and these additional lines for the latter.
fn rspamd(root: &Root, more: &str) -> (Service, Service) {
    let redis = redis(root).unwrap();
    let rules = recipe("-- /etc/rspamd/rspamd.local.lua").unwrap() + SUSPICIOUS;
    let greylist = recipe("# /etc/rspamd/local.d/greylist.conf").unwrap() + more;
    let files = [
        ("rspamd.local.lua", rules.as_str()),
        ("local.d/greylist.conf", &greylist),
        ("local.d/redis.conf", "servers = \"127.0.0.1\";\n"),
    ];
    (redis, mail::rspamd(root, &files).unwrap())
}

/// Rspamd's greylist module defers mail with a certain score. Its symbol comes from the name of the listener
/// that accepted the mail, which each mail forges.
#[test]
fn rspamd_gives_tagged_mail_a_symbol_and_greylists_all_other_mail() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon, MailPrograms, Overlay);
    let lab = lab();
    let root = Root::new(&lab.host).unwrap();
    let (_redis, rspamd) = rspamd(&root, SHORT);
    let server = Server::start(lab, root, MILTER, "a milter");
    steer(&server.lab.host);
    let _daemon = tagging(&server.lab, "mark");
    for mail in server.accepts_listed() {
        assert!(mail.contains("D365_LISTED(-2.00)") && mail.contains("SUSPICIOUS(8.00)"), "{mail}");
    }
    let skipped = "skip greylisting as we have found symbol D365_LISTED";
    assert_eq!(rspamd.log().matches(skipped).count(), listed().len(), "{}", rspamd.log());
    for mail in server.makes_strangers_wait("Try again later") {
        assert!(mail.contains("\nX-Spamd-Result: ") && mail.contains("SUSPICIOUS(8.00)"), "{mail}");
        assert!(!mail.contains("D365_LISTED"), "{mail}");
    }
}

/// The page warns that Rspamd looks at its records before it looks at the symbols.
#[test]
fn a_text_that_was_deferred_a_moment_ago_waits_tagged_or_not() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon, MailPrograms, Overlay);
    let lab = lab();
    let root = Root::new(&lab.host).unwrap();
    let _rspamd = rspamd(&root, "");
    let server = Server::start(lab, root, MILTER, "a milter");
    let [source, _] = listed();
    let deferred = |subject| matches!(server.send(source, subject), Reply::Deferred(_));
    assert!(deferred("before the tag"));
    steer(&server.lab.host);
    let _daemon = tagging(&server.lab, "mark");
    assert!(deferred("tagged, the same text"));
}

/// Postfix asks Postgrey about each recipient.
#[test]
fn postgrey_does_not_see_tagged_mail() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon, MailPrograms, Overlay);
    let lab = lab();
    let root = Root::new(&lab.host).unwrap();
    let postgrey = postgrey(&root).unwrap();
    let main = recipe("# /etc/postfix/main.cf, with Postgrey").unwrap();
    let server = Server::start(lab, root, &main, "Postgrey");
    steer(&server.lab.host);
    let _daemon = tagging(&server.lab, "mark");
    server.accepts_listed();
    server.makes_strangers_wait("Greylisted");
    let log = postgrey.log();
    let asked = |source: IpAddr| log.contains(&format!("client_address={source}, "));
    assert!(!listed().into_iter().any(asked), "{log}");
    assert!(strangers().into_iter().all(asked), "{log}");
}

/// Postscreen's tests after the greeting defer every client that it does not know.
#[test]
fn postscreen_does_not_see_tagged_mail() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon, MailPrograms, Overlay);
    let lab = lab();
    let root = Root::new(&lab.host).unwrap();
    let main = recipe("# /etc/postfix/main.cf, with postscreen").unwrap() + "postscreen_greet_wait = 1s\n";
    let server = Server::start(lab, root, &main, "postscreen");
    steer(&server.lab.host);
    let _daemon = tagging(&server.lab, "mark");
    server.accepts_listed();
    server.makes_strangers_wait("4.3.2 Service currently unavailable");
    let log = server.postfix.log().unwrap();
    assert!(listed().iter().all(|source| !log.contains(&format!("CONNECT from [{source}]"))), "{log}");
}
