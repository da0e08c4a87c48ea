//! Rspamd gives tagged mail a symbol of its own, by the name of the listener that accepted it.

use d365_tests::{
    mail::{Postfix, Reply, Root, recipe, rspamd},
    require,
};

use super::{lab, listed, send, steer, strangers, tagging};

pub(super) const MILTER: &str = "smtpd_milters = inet:127.0.0.1:11332\nmilter_default_action = tempfail\n";

#[test]
fn tagged_mail_has_a_symbol_and_other_mail_cannot_get_it() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon, MailPrograms, Overlay);
    let lab = lab();
    let root = Root::new(&lab.host).unwrap();
    let rules = recipe("-- /etc/rspamd/rspamd.local.lua").unwrap();
    let _rspamd = rspamd(&root, &[("rspamd.local.lua", &rules)]).unwrap();
    let master = recipe("# /etc/postfix/master.cf, with a milter").unwrap();
    let postfix = Postfix::start(&root, MILTER, &master).unwrap();
    steer(&lab.host);
    let _daemon = tagging(&lab, "mark");
    // The symbols that Rspamd gave to the mail.
    let result = |source| {
        let subject = format!("from {source}");
        assert_eq!(send(&lab, &root, source, &subject), Reply::Accepted);
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
