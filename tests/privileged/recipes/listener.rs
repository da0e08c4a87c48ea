//! nftables sends tagged connections to a Postfix listener that skips the content filter.

use std::net::SocketAddr;

use d365_tests::{
    lab::Lab,
    mail::{Postfix, Root, recipe, swaks},
    nft, require,
    smtp::{Mail, Session},
};

use super::{lab, listed, strangers, tagging};

/// A content filter: a listener that writes into each mail that it has seen it.
const FILTER: &str = "
127.0.0.1:10024 inet n - y - - smtpd
    -o syslog_name=postfix/filter
    -o myhostname=filter.mx.example
    -o content_filter=
    -o { smtpd_recipient_restrictions = check_recipient_access static:{prepend X-Filtered: yes}, permit }
";

/// The mail server of the recipe, on the lab's host.
fn server(lab: &Lab) -> (Root, Postfix) {
    let root = Root::new(&lab.host).unwrap();
    let master = recipe("# /etc/postfix/master.cf").unwrap() + FILTER;
    let postfix = Postfix::start(&root, "content_filter = smtp:[127.0.0.1]:10024\n", &master).unwrap();
    nft::load(&lab.host, &recipe("# /etc/nftables.conf").unwrap()).unwrap();
    (root, postfix)
}

/// Whether the content filter has seen the mail with this subject; the log must say the same.
fn filtered(postfix: &Postfix, subject: &str) -> bool {
    let mail = postfix.delivered(&format!("\nSubject: {subject}\n")).unwrap();
    let filtered = mail.contains("\nX-Filtered: yes\n");
    let id = mail.rsplit_once(" with ESMTP id ").unwrap().1.split_whitespace().next().unwrap();
    let taken = postfix.logged(&format!("{id}: client=")).unwrap();
    assert_eq!(taken.contains(" postfix/d365/smtpd["), !filtered, "{taken}");
    assert_eq!(taken.contains(" postfix/smtpd["), filtered, "{taken}");
    filtered
}

#[test]
fn tagged_mail_skips_the_content_filter_and_other_mail_does_not() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon, MailPrograms, Overlay);
    let lab = lab();
    let (root, postfix) = server(&lab);
    let sender = root.seen_from(&lab.sender);
    let daemon = tagging(&lab, "mark");
    let send = |source, subject: &str| {
        let server = SocketAddr::new(lab.link().host_for(source), 25);
        swaks(&sender, source, server, subject, "X-Test: listener").unwrap();
        filtered(&postfix, subject)
    };
    for source in listed() {
        assert!(!send(source, &format!("listed {source}")), "{source}");
    }
    for source in strangers() {
        assert!(send(source, &format!("stranger {source}")), "{source}");
    }

    // The tag is no licence to relay.
    let [source, _] = listed();
    let server = SocketAddr::new(lab.link().host_for(source), 25);
    let mut session = lab.sender.run(|| Session::open(source, server)).unwrap();
    let relayed = Mail { to: "somebody@elsewhere.example".to_owned(), ..Mail::new("Subject: no\r\n\r\n") };
    let refused = session.send(&relayed).unwrap_err();
    assert!(format!("{refused:#}").contains("Relay access denied"), "{refused:#}");

    // A session that began as vouched for goes on when nobody vouches any more; a new one takes the ordinary way.
    let mut session = lab.sender.run(|| Session::open(source, server)).unwrap();
    assert_eq!(daemon.stop().unwrap().status.code(), Some(0));
    session.send(&Mail::new("Subject: went on\r\n\r\ntext\r\n")).unwrap();
    session.quit().unwrap();
    assert!(!filtered(&postfix, "went on"));
    assert!(send(source, "without a daemon"));
}

#[test]
fn nobody_reaches_the_second_listener_by_its_own_port() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon, MailPrograms, Overlay);
    let lab = lab();
    let (_root, _postfix) = server(&lab);
    let _daemon = tagging(&lab, "mark");
    for source in listed().into_iter().chain(strangers()) {
        let server = SocketAddr::new(lab.link().host_for(source), 10025);
        let error = lab.sender.run(|| Session::open(source, server)).unwrap_err();
        assert!(format!("{error:#}").contains("Connection refused"), "{error:#}");
        lab.sender.run(|| Session::open(source, SocketAddr::new(server.ip(), 25))).unwrap().quit().unwrap();
    }
}
