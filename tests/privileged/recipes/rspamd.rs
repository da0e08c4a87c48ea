//! A symbol of its own for tagged mail, by the name of the listener that it came by.

use std::net::SocketAddr;

use d365_tests::{
    mail::{Postfix, Root, Rspamd, recipe, swaks},
    nft, require,
};

use super::{lab, listed, strangers, tagging};

const MILTER: &str = "smtpd_milters = inet:127.0.0.1:11332\nmilter_default_action = tempfail\n";

#[test]
fn tagged_mail_has_a_symbol_and_other_mail_cannot_get_it() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon, MailPrograms, Overlay);
    let lab = lab();
    let root = Root::new(&lab.host).unwrap();
    let rules = recipe("-- /etc/rspamd/rspamd.local.lua").unwrap();
    let _rspamd = Rspamd::start(&root, &lab.host, &rules).unwrap();
    let master = recipe("# /etc/postfix/master.cf, with a milter").unwrap();
    let postfix = Postfix::start(&root, MILTER, &master).unwrap();
    nft::load(&lab.host, &recipe("# /etc/nftables.conf").unwrap()).unwrap();
    let _daemon = tagging(&lab, "mark");
    let sender = root.seen_from(&lab.sender);
    // The symbols that Rspamd gave the mail. All mails claim what only a listener can say.
    let result = |source| {
        let server = SocketAddr::new(lab.link().host_for(source), 25);
        let subject = format!("from {source}");
        swaks(&sender, source, server, &subject, "MTA-Name: d365.mx.example").unwrap();
        let mail = postfix.delivered(&format!("\nSubject: {subject}\n")).unwrap();
        let (_, after) = mail.split_once("\nX-Spamd-Result: ").expect("Rspamd saw the mail");
        after.to_owned()
    };
    for source in listed() {
        assert!(result(source).contains("D365_LISTED(-2.00)"), "{source}");
    }
    for source in strangers() {
        assert!(!result(source).contains("D365_LISTED"), "{source}");
    }
}
