//! Postscreen, whose tests after the greeting defer every client that it does not know.

use d365_tests::{
    mail::{Postfix, Root, recipe},
    require,
};

use super::{
    super::{lab, listed, steer, tagging},
    accepted_at_once, strangers_wait,
};

#[test]
fn tagged_mail_passes_it_by_and_other_mail_does_not() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon, MailPrograms, Overlay);
    let lab = lab();
    let root = Root::new(&lab.host).unwrap();
    let main = recipe("# /etc/postfix/main.cf, with postscreen").unwrap() + "postscreen_greet_wait = 1s\n";
    let master = recipe("# /etc/postfix/master.cf, with postscreen").unwrap();
    let postfix = Postfix::start(&root, &main, &master).unwrap();
    steer(&lab.host);
    let _daemon = tagging(&lab, "mark");
    for source in listed() {
        accepted_at_once(&lab, &root, &postfix, source);
    }
    strangers_wait(&lab, &root, &postfix, "4.3.2 Service currently unavailable");
    let log = postfix.log().unwrap();
    assert!(listed().iter().all(|source| !log.contains(&format!("CONNECT from [{source}]"))), "{log}");
}
