//! Greylisting by three programs: tagged connections skip it. All others are deferred as before and are then
//! delivered.

mod postgrey;
mod postscreen;
mod rspamd;

use std::{
    net::IpAddr,
    thread,
    time::{Duration, Instant},
};

use d365_tests::{
    lab::Lab,
    mail::{Postfix, Reply, Root},
    patience,
};

use super::{send, strangers};

/// Sends a mail that must be accepted at the first attempt, and returns the delivered mail.
fn accepted_at_once(lab: &Lab, root: &Root, postfix: &Postfix, source: IpAddr) -> String {
    let subject = format!("listed {source}");
    assert_eq!(send(lab, root, source, &subject), Reply::Accepted, "{source}");
    let mail = postfix.delivered(&format!("\nSubject: {subject}\n")).unwrap();
    let id = mail.rsplit_once(" with ESMTP id ").unwrap().1.split_whitespace().next().unwrap();
    let client = postfix.logged(&format!("{id}: client=")).unwrap();
    assert!(client.contains(" postfix/d365/smtpd["), "{client}");
    mail
}

/// Sends a mail from each unlisted source until it is accepted. The first reply must be a deferral with these
/// words.
fn strangers_wait(lab: &Lab, root: &Root, postfix: &Postfix, words: &str) {
    for source in strangers() {
        let subject = format!("stranger {source}");
        match send(lab, root, source, &subject) {
            Reply::Deferred(reply) => assert!(reply.contains(words), "{source}: {reply}"),
            Reply::Accepted => panic!("{source} was not greylisted:\n{}", postfix.log().unwrap()),
        }
        let deadline = patience::deadline(Duration::from_secs(30));
        while send(lab, root, source, &subject) != Reply::Accepted {
            assert!(Instant::now() < deadline, "{source} waits for ever:\n{}", postfix.log().unwrap());
            thread::sleep(Duration::from_millis(500));
        }
        postfix.delivered(&format!("\nSubject: {subject}\n")).unwrap();
    }
}
