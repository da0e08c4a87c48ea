//! Postgrey, which Postfix asks about each recipient.

use d365_tests::{
    mail::{Postfix, Root, postgrey, recipe},
    require,
};

use super::{
    super::{lab, listed, steer, strangers, tagging},
    accepted_at_once, strangers_wait,
};

#[test]
fn tagged_mail_is_not_greylisted_and_other_mail_is() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon, MailPrograms, Overlay);
    let lab = lab();
    let root = Root::new(&lab.host).unwrap();
    let postgrey = postgrey(&root).unwrap();
    let main = recipe("# /etc/postfix/main.cf, with Postgrey").unwrap();
    let master = recipe("# /etc/postfix/master.cf, with Postgrey").unwrap();
    let postfix = Postfix::start(&root, &main, &master).unwrap();
    steer(&lab.host);
    let _daemon = tagging(&lab, "mark");
    for source in listed() {
        accepted_at_once(&lab, &root, &postfix, source);
    }
    strangers_wait(&lab, &root, &postfix, "Greylisted");
    let log = postgrey.log();
    let asked = |source: std::net::IpAddr| log.contains(&format!("client_address={source}, "));
    assert!(!listed().into_iter().any(asked), "{log}");
    assert!(strangers().into_iter().all(asked), "{log}");
}
