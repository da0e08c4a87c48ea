//! Files that change while they are followed.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::{super::follow::follow_at, *};
use crate::http::Failures;

const INTERVAL: Duration = Duration::from_millis(20);

struct Followed {
    place: Place,
    current: watch::Receiver<Arc<WebConfig>>,
    failures: Arc<Failures>,
}

impl Followed {
    fn new(text: &str) -> Self {
        let place = Place::new();
        let first = place.read(text).unwrap();
        let failures = Arc::new(Failures::default());
        let listen = vec!["127.0.0.1:0".parse().unwrap()];
        let current =
            follow_at(INTERVAL, place.path("web.yml"), first, listen, Arc::clone(&failures)).unwrap();
        Self { place, current, failures }
    }

    /// Waits until the current configuration is such.
    fn until(&self, what: &str, is_such: impl Fn(&WebConfig) -> bool) {
        let since = Instant::now();
        while !is_such(&self.current.borrow()) {
            assert!(since.elapsed() < Duration::from_secs(10), "{what}");
            thread::sleep(INTERVAL);
        }
    }

    /// Waits until one more reading has failed.
    fn until_failed(&self) {
        let (since, before) = (Instant::now(), self.failures.web_config());
        while self.failures.web_config() <= before {
            assert!(since.elapsed() < Duration::from_secs(10), "no reading failed");
            thread::sleep(INTERVAL);
        }
    }
}

#[test]
fn a_broken_file_changes_nothing_and_a_good_one_does() {
    let followed = Followed::new(&format!("basic_auth_users: {{a: {HASH}}}"));
    for broken in ["basic_auth_users: {a: s3cret}", "", "\t", "unknown: 1"] {
        followed.place.write("web.yml", broken);
        followed.until_failed();
        assert!(followed.current.borrow().has_passwords(), "{broken}");
    }
    fs::remove_file(followed.place.path("web.yml")).unwrap();
    followed.until_failed();
    assert!(followed.current.borrow().has_passwords());
    followed.place.write("web.yml", &tls(""));
    followed.until("it is read again", |config| config.has_tls() && !config.has_passwords());
    let failed = followed.failures.web_config();
    thread::sleep(INTERVAL * 10);
    assert_eq!(followed.failures.web_config(), failed, "a good file is not read again and again");
}

/// A renewal replaces both files, one after the other.
#[test]
fn a_renewed_certificate_is_read() {
    let followed = Followed::new(&tls(""));
    let before = followed.current.borrow().tls().unwrap();
    let made = generate_simple_self_signed(["new".to_owned()]).unwrap();
    followed.place.write("c.pem", &made.cert.pem());
    followed.until_failed();
    assert!(Arc::ptr_eq(&before, &followed.current.borrow().tls().unwrap()), "certificate and key are one");
    followed.place.write("k.pem", &made.signing_key.serialize_pem());
    followed.until("the pair is read", |config| !Arc::ptr_eq(&before, &config.tls().unwrap()));
}

/// A file whose writer is at work is not read, so that no half of it takes protection away.
#[test]
fn a_file_that_keeps_changing_is_left_alone() {
    let followed = Followed::new(&format!("basic_auth_users: {{a: {HASH}}}"));
    let since = Instant::now();
    for number in 0.. {
        fs::write(followed.place.path("web.yml"), format!("{{}} # {number}")).unwrap();
        thread::sleep(INTERVAL / 20);
        if since.elapsed() > INTERVAL * 20 {
            break;
        }
        assert!(followed.current.borrow().has_passwords());
    }
    followed.until("it is read when it rests", |config| !config.has_passwords());
}
