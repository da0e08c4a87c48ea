//! `doctor` looks at the address and the web configuration of the daemon, by flags or by its variables.

use d365_tests::{require, task, temp::TempFile};
use serde_json::Value;

use super::served::HASH;

/// Level and text of the check, with the next step behind it.
fn http(variables: &[(&str, &str)]) -> (String, String) {
    let output =
        task::command(&["doctor", "--json"]).unwrap().envs(variables.iter().copied()).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let finding = findings.iter().find(|finding| finding["check"] == "http").unwrap();
    let text = |field: &str| finding[field].as_str().unwrap_or_default().to_owned();
    (text("level"), format!("{} {}", text("found"), text("advice")))
}

#[test]
fn metrics_that_others_can_read_are_a_warning() {
    require!(Daemon);
    let passwords = TempFile::new("web.yml", format!("basic_auth_users: {{a: '{HASH}'}}\n"));
    std::fs::set_permissions(passwords.path(), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let broken = TempFile::new("web.yml", "basic_auth_users: {a: s3cret}\n");
    let everywhere = ("D365_LISTEN", "0.0.0.0:9365");
    let named = |file: &TempFile| file.path().to_str().unwrap().to_owned();
    let (passwords, broken) = (named(&passwords), named(&broken));
    for (variables, level, words) in [
        (&[][..], "ok", "127.0.0.1:9365: only this host can connect"),
        (&[everywhere], "warning", "not protected on 0.0.0.0:9365"),
        (&[everywhere, ("D365_WEB_CONFIG", &passwords)], "warning", "passwords cross the network in clear"),
        (&[("D365_WEB_CONFIG", &passwords)], "ok", "127.0.0.1:9365: without TLS, with passwords"),
        (&[("D365_WEB_CONFIG", &broken)], "error", "the hash of user 1 is not a bcrypt hash"),
    ] {
        let found = http(variables);
        assert!(found.0 == level && found.1.contains(words) && !found.1.contains("s3cret"), "{found:?}");
    }
}
