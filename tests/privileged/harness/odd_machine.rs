//! The tests also pass on a machine that already has everything that they set up: a mail server, its users,
//! pins, taken ports and unusual variables.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    process::Command,
};

use d365_tests::{mail, netns::Netns, require, temp::TempDir};

/// One test for each kind of environment: a mail server with all its programs, and a daemon without
/// privilege.
const TESTS: [&str; 2] = [
    "recipes::greylisting::rspamd_gives_tagged_mail_a_symbol_and_greylists_all_other_mail",
    "operation::three_capabilities_are_enough",
];

/// The ports on which the machine's own daemons listen.
const TAKEN: [u16; 7] = [25, 6379, 9365, 10_023, 10_025, 11_332, 11_333];

const VARIABLES: [(&str, &str); 7] = [
    ("https_proxy", "http://127.0.0.1:9"),
    ("HTTPS_PROXY", "http://127.0.0.1:9"),
    ("SSL_CERT_FILE", "/nonexistent"),
    ("D365_TAG", "dscp"),
    ("D365_PORT", "2525"),
    ("LC_ALL", "de_DE.UTF-8"),
    ("TZ", "Asia/Tokyo"),
];

#[test]
fn tests_pass_where_a_mail_server_is_installed_and_leave_nothing() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon, MailPrograms, Overlay);
    let machine = Netns::new().unwrap();
    let everywhere = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
    let _taken = TAKEN.map(|port| machine.run(|| TcpListener::bind(everywhere(port))).unwrap());
    // As `pam_tmpdir` and a strict umask set it.
    let private = TempDir::new("private");
    fs::set_permissions(private.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let view = mail::installed().unwrap();
    let mut tests = Command::new("sh");
    tests
        .args(["-c", "umask 077; \"$0\" --exact \"$@\" 2>&1 || :"])
        .arg(std::env::current_exe().unwrap())
        .args(TESTS);
    tests.envs(VARIABLES).env("TMPDIR", private.path());
    view.give_to(&mut tests);
    let output = machine.output(&mut tests).unwrap();
    assert!(output.contains("test result: ok. 2 passed"), "{output}");
    // A killed daemon would leave its counters here.
    assert!(!view.run(|| fs::exists("/sys/fs/bpf/d365")).unwrap());
}
