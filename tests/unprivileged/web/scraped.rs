//! A real Prometheus scrapes over TLS, with a password and with a client's certificate, also while the
//! configuration changes.

use std::{fmt::Write as _, fs, path::Path, time::Duration};

use d365_tests::{https::Authority, prometheus::Prometheus, require, temp::TempDir};

use super::served::{HASH, Served};

/// A configuration of Prometheus.
struct Jobs(String);

impl Jobs {
    fn new() -> Self {
        Self("global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n".to_owned())
    }

    /// Adds a job that scrapes over TLS, with more fields.
    fn add(mut self, name: &str, served: &Served, ca: &Path, tls: &str, more: &str) -> Self {
        write!(
            self.0,
            "- job_name: {name}\n  scheme: https\n  tls_config: {{ca_file: {ca}{tls}}}\n{more}  static_configs:\n  \
             - targets: ['{address}']\n",
            ca = ca.display(),
            address = served.tcp(),
        )
        .unwrap();
        self
    }

    fn start(&self, place: &TempDir) -> Prometheus {
        let file = place.file("prometheus.yml");
        fs::write(&file, &self.0).unwrap();
        Prometheus::start(&file, &place.file("data")).unwrap()
    }
}

/// Writes a certificate for loopback and its key as `NAME.pem` and `NAME.key`, each in one step.
fn issue(authority: &Authority, place: &TempDir, name: &str) {
    let (certificate, key) = authority.issue_pem(&["127.0.0.1", "prometheus.example"]).unwrap();
    for (end, text) in [("pem", certificate), ("key", key)] {
        fs::write(place.file("new"), text).unwrap();
        fs::rename(place.file("new"), place.file(&format!("{name}.{end}"))).unwrap();
    }
}

const TLS: &str = "tls_server_config:\n  cert_file: s.pem\n  key_file: s.key\n";

fn password(user: &str, password: &str) -> String {
    format!("  basic_auth: {{username: {user}, password: {password}}}\n")
}

#[test]
fn prometheus_scrapes_with_a_password_and_with_a_certificate() {
    require!(Tool("prometheus"));
    let (authority, other, place) =
        (Authority::new().unwrap(), Authority::new().unwrap(), TempDir::new("jobs"));
    let ca = place.file("ca.pem");
    authority.write(&ca).unwrap();
    issue(&authority, &place, "client");
    issue(&other, &place, "stranger");
    let served = |more: &str| {
        let place = TempDir::new("web");
        issue(&authority, &place, "s");
        fs::copy(&ca, place.file("ca.pem")).unwrap();
        Served::start(place, &format!("{TLS}{more}"))
    };
    let by_password = served(&format!("basic_auth_users: {{scraper: '{HASH}'}}\n"));
    let by_certificate = served(
        "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n  \
         client_allowed_sans: [prometheus.example]\n",
    );
    let client = |name: &str| {
        let file = |end: &str| place.file(&format!("{name}.{end}")).display().to_string();
        format!(", cert_file: {}, key_file: {}", file("pem"), file("key"))
    };
    let prometheus = Jobs::new()
        .add("password", &by_password, &ca, "", &password("scraper", "right"))
        .add("wrong", &by_password, &ca, "", &password("scraper", "wrong"))
        .add("nobody", &by_password, &ca, "", "")
        .add("old", &by_password, &ca, ", max_version: TLS12", &password("scraper", "right"))
        .add("certificate", &by_certificate, &ca, &client("client"), "")
        .add("stranger", &by_certificate, &ca, &client("stranger"), "")
        .add("anonymous", &by_certificate, &ca, "", "")
        .start(&place);
    for job in ["password", "old", "certificate"] {
        prometheus.wait_for(job, |target| target.is_up).unwrap();
    }
    for (job, error) in [
        ("wrong", "401 Unauthorized"),
        ("nobody", "401 Unauthorized"),
        ("stranger", "tls: "),
        ("anonymous", "tls: "),
    ] {
        let target = prometheus.wait_for(job, |target| !target.is_up).unwrap();
        assert!(target.error.contains(error), "{job}: {target:?}");
    }
    assert_eq!(prometheus.query("d365_generation{job=\"password\"}").unwrap(), Some(0.0));
    assert!(by_password.failed("password") >= 2 && by_certificate.failed("handshake") >= 2);
}

/// Each scrape succeeds before, during and after a renewal of the certificate and a change of the
/// users.
#[test]
fn no_scrape_fails_while_certificate_and_users_change() {
    require!(Tool("prometheus"));
    let (old, new, place) = (Authority::new().unwrap(), Authority::new().unwrap(), TempDir::new("jobs"));
    let (both, only_new) = (place.file("both.pem"), place.file("new.pem"));
    fs::write(&both, old.pem() + &new.pem()).unwrap();
    new.write(&only_new).unwrap();
    let directory = TempDir::new("web");
    issue(&old, &directory, "s");
    let users = |users: &str| format!("{TLS}basic_auth_users:\n{users}");
    let scraper = format!("  scraper: '{HASH}'\n");
    let served = Served::start(directory, &users(&scraper));
    let prometheus = Jobs::new()
        .add("always", &served, &both, "", &password("scraper", "right"))
        .add("renewed", &served, &only_new, "", &password("scraper", "right"))
        .add("second", &served, &both, "", &password("second", "right"))
        .start(&place);
    prometheus.wait_for("always", |target| target.is_up).unwrap();
    for job in ["renewed", "second"] {
        prometheus.wait_for(job, |target| !target.is_up).unwrap();
    }
    issue(&new, &served.place, "s");
    prometheus.wait_for("renewed", |target| target.is_up).unwrap();
    // A broken file changes nothing; the next one is used.
    let web = served.place.file("web.yml");
    fs::write(&web, "basic_auth_users: {second: wrong}").unwrap();
    let since = std::time::Instant::now();
    while served.failures.web_config() == 0 {
        assert!(since.elapsed() < Duration::from_secs(30), "the broken file is not read");
        std::thread::sleep(Duration::from_millis(50));
    }
    fs::write(&web, users(&format!("{scraper}  second: '{HASH}'\n"))).unwrap();
    prometheus.wait_for("second", |target| target.is_up).unwrap();
    let scrapes = prometheus.query("count_over_time(up{job=\"always\"}[5m])").unwrap().unwrap();
    let log = prometheus.log();
    let failed =
        log.lines().filter(|line| line.contains("Scrape failed") && line.contains("scrape_pool=always"));
    // On a busy machine a scrape may take more than a second.
    let (late, failed): (Vec<_>, Vec<_>) = failed.partition(|line| line.contains("deadline exceeded"));
    assert!(scrapes > 10.0 && failed.is_empty() && late.len() < 5, "{scrapes} scrapes, {failed:?}, {late:?}");
    assert!(log.contains("scrape_pool=renewed"), "failures are logged:\n{log}");
}
