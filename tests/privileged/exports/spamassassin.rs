//! SpamAssassin's rule on the relay.

use std::net::IpAddr;

use d365_tests::{
    mail::{FILTERS, Root},
    netns::Netns,
    require,
};

use super::{block, lists::Case};

/// A directory without the rules that come with SpamAssassin.
const NO_RULES: &str = "/srv/no-rules";
/// The part of its preferences that the test reads.
const PREFERENCES: &str = "report_safe 0\nadd_header all Status _YESNO_, tests=_TESTS_\n";

#[test]
fn mail_from_listed_relays_hits_the_rule() {
    require!(Root, Tool("ip"), Daemon, FilterPrograms, Overlay);
    let root = Root::with(&FILTERS, &Netns::new().unwrap()).unwrap();
    root.write("/etc/spamassassin/local.cf", &block("# /etc/spamassassin/local.cf")).unwrap();
    root.write(&format!("{NO_RULES}/prefs.cf"), PREFERENCES).unwrap();
    for (number, case) in Case::all(25).into_iter().enumerate() {
        root.write("/etc/spamassassin/d365.cf", &case.export("spamassassin")).unwrap();
        let mut options = vec!["--local", "--nocreate-prefs"];
        if number == 0 {
            // With all rules that come with it.
            root.run("spamassassin", &[&options[..], &["--lint"]].concat()).unwrap();
        }
        options.extend(["--configpath", NO_RULES, "--mbox"]);
        let mailbox: String = case.addresses.iter().map(|address| mail(*address)).collect();
        let marked = root.feed("spamassassin", &options, &mailbox).unwrap();
        assert_eq!(marked.matches("\nX-Spam-Status: ").count(), case.addresses.len());
        let mails = marked.split("From sender@d365.example ").skip(1);
        case.agree(&mails.filter_map(hit).collect());
    }
}

/// The address that a mail is about, if its relay is listed.
fn hit(mail: &str) -> Option<IpAddr> {
    let (head, _) = mail.split_once("\n\n")?;
    // A long field is folded.
    let head = head.replace("\n\t", " ");
    let field = |name| head.lines().find_map(|line| line.strip_prefix(name)).expect("the field");
    field("X-Spam-Status: ").contains("D365_LISTED").then(|| field("Subject: ").parse().unwrap())
}

/// A mail as Postfix delivers it from this address. Its first hop, which the sender wrote, is always listed.
fn mail(address: IpAddr) -> String {
    let literal = if address.is_ipv6() { format!("IPv6:{address}") } else { address.to_string() };
    format!(
        "From sender@d365.example Tue Dec  1 00:00:00 2026\n\
         Received: from mail.d365.example (mail.d365.example [{literal}])\n\tby mx.example (Postfix) with ESMTP id 1\n\t\
         for <recipient@mx.example>; Tue,  1 Dec 2026 00:00:00 +0000 (UTC)\n\
         Received: from inside.d365.example (inside.d365.example [13.71.171.1])\n\tby mail.d365.example (Postfix) with ESMTP id 2\n\t\
         for <recipient@mx.example>; Tue,  1 Dec 2026 00:00:00 +0000 (UTC)\n\
         From: sender@d365.example\nTo: recipient@mx.example\nSubject: {address}\n\
         Date: Tue, 01 Dec 2026 00:00:00 +0000\nMessage-Id: <1@d365.example>\n\ntext\n\n"
    )
}
