//! Passwords, and that they are remembered without being kept.

use super::*;

#[test]
fn only_the_right_password_of_a_user_is_right() {
    let config = Place::new().read(&format!("basic_auth_users: {{ä: {HASH}, b: {HASH}}}")).unwrap();
    for (user, password, is_right) in [
        ("ä", "test", true),
        ("b", "test", true),
        ("b", "Test", false),
        ("b", "", false),
        ("b", "test ", false),
        ("c", "test", false),
        ("", "test", false),
    ] {
        assert_eq!(config.verify(user, password.as_bytes()), is_right, "{user} {password}");
        assert_eq!(config.remembers(user, password.as_bytes()), is_right, "{user} {password}");
    }
    assert!(config.remembers("b", b"test"), "a wrong password removes nothing");
    assert!(!config.remembers("ä", b"tes") && !config.remembers("c", b"test"));
}

#[test]
fn nothing_is_remembered_before_or_across_files() {
    let place = Place::new();
    let text = format!("basic_auth_users: {{a: {HASH}}}");
    let first = place.read(&text).unwrap();
    assert!(!first.remembers("a", b"test") && first.verify("a", b"test") && first.remembers("a", b"test"));
    assert!(!place.read(&text).unwrap().remembers("a", b"test"));
    assert!(!WebConfig::default().verify("a", b"test"));
}

/// bcrypt reads 72 bytes, as Go's does.
#[test]
fn long_passwords_are_no_fault() {
    let config = Place::new().read(&format!("basic_auth_users: {{a: {HASH}}}")).unwrap();
    assert!(
        !config.verify("a", &[b'x'; 10_000])
            && !config.verify("a", b"test\0")
            && !config.verify("a", &[0; 80])
    );
}
