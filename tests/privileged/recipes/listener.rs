//! Nftables sends tagged connections to a Postfix listener that skips the content filter.

use std::net::SocketAddr;

use d365_tests::{
    lab::Lab,
    mail::{Postfix, Reply, Root, recipe},
    nft, require,
    smtp::{Mail, Session},
};

use super::{lab, listed, send, sources, steer, strangers, tagging};

/// A content filter: a listener that adds a header field to each mail that it processes.
const FILTER: &str = "
127.0.0.1:10024 inet n - y - - smtpd
    -o syslog_name=postfix/filter
    -o myhostname=filter.mx.example
    -o content_filter=
    -o { smtpd_recipient_restrictions = check_recipient_access static:{prepend X-Filtered: yes}, permit }
";

/// A mail server on the lab's host, with the content filter and these additions to `master.cf`.
fn server(lab: &Lab, master: &str) -> (Root, Postfix) {
    let root = Root::new(&lab.host).unwrap();
    let main = "content_filter = smtp:[127.0.0.1]:10024\n";
    let postfix = Postfix::start(&root, main, &format!("{master}{FILTER}")).unwrap();
    steer(&lab.host);
    (root, postfix)
}

/// The recipe's second listener.
fn second() -> String {
    recipe("# /etc/postfix/master.cf").unwrap()
}

/// Returns true if the content filter has processed the mail with this subject. The log must agree.
fn filtered(postfix: &Postfix, subject: &str) -> bool {
    let mail = postfix.delivered(&format!("\nSubject: {subject}\n")).unwrap();
    let filtered = mail.contains("\nX-Filtered: yes\n");
    let id = mail.rsplit_once(" with ESMTP id ").unwrap().1.split_whitespace().next().unwrap();
    let taken = postfix.logged(&format!("{id}: client=")).unwrap();
    assert_eq!(taken.contains(" postfix/d365/smtpd["), !filtered, "{taken}");
    assert_eq!(taken.contains(" postfix/smtpd["), filtered, "{taken}");
    filtered
}

/// Nobody reaches the second listener by its own port.
#[test]
fn tagged_mail_alone_skips_the_content_filter() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon, MailPrograms, Overlay);
    let lab = lab();
    let (root, postfix) = server(&lab, &second());
    let daemon = tagging(&lab, "mark");
    let send = |source, subject: &str| {
        assert_eq!(send(&lab, &root, source, subject), Reply::Accepted, "{source}");
        filtered(&postfix, subject)
    };
    for source in listed() {
        assert!(!send(source, &format!("listed {source}")), "{source}");
    }
    for source in strangers() {
        assert!(send(source, &format!("stranger {source}")), "{source}");
    }

    // A tag does not permit relaying.
    let [source, _] = listed();
    let server = SocketAddr::new(lab.link().host_for(source), 25);
    let mut session = lab.sender.run(|| Session::open(source, server)).unwrap();
    let relayed = Mail { to: "somebody@elsewhere.example".to_owned(), ..Mail::new("Subject: no\r\n\r\n") };
    let refused = session.send(&relayed).unwrap_err();
    assert!(format!("{refused:#}").contains("Relay access denied"), "{refused:#}");

    // The firewall drops connections to the second port itself. The recipe must be safe without that.
    nft::load(&lab.host, "insert rule inet filter input tcp dport 10025 accept").unwrap();
    for source in sources() {
        let server = SocketAddr::new(lab.link().host_for(source), 10025);
        let error = lab.sender.run(|| Session::open(source, server)).unwrap_err();
        assert!(format!("{error:#}").contains("Connection refused"), "{error:#}");
        lab.sender.run(|| Session::open(source, SocketAddr::new(server.ip(), 25))).unwrap().quit().unwrap();
    }

    // A session that began tagged continues after the daemon stops. A new session takes the ordinary way.
    let mut session = lab.sender.run(|| Session::open(source, server)).unwrap();
    assert_eq!(daemon.stop().unwrap().status.code(), Some(0));
    session.send(&Mail::new("Subject: went on\r\n\r\ntext\r\n")).unwrap();
    session.quit().unwrap();
    assert!(!filtered(&postfix, "went on"));
    assert!(send(source, "without a daemon"));
}

#[test]
fn without_the_second_listener_all_mail_is_filtered_and_delivered() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon, MailPrograms, Overlay);
    let lab = lab();
    let (root, postfix) = server(&lab, "");
    let _daemon = tagging(&lab, "mark");
    for source in sources() {
        let subject = format!("from {source}");
        assert_eq!(send(&lab, &root, source, &subject), Reply::Accepted, "{source}");
        assert!(filtered(&postfix, &subject), "{source}");
    }
}
