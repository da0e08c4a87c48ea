//! Rspamd's greylist module, which defers mail with a certain score.

use d365_tests::{
    mail::{Postfix, Reply, Root, recipe, redis, rspamd},
    require,
};

use super::{
    super::{lab, listed, rspamd::MILTER, send, steer, tagging},
    accepted_at_once, strangers_wait,
};

/// A score that makes all mail suspicious enough for greylisting, even with the recipe's -2.
const SUSPICIOUS: &str = "
rspamd_config.SUSPICIOUS = { callback = function() return true end, score = 8.0, group = 'test' }
";
const SHORT: &str = "timeout = 2s;\n";

#[test]
fn tagged_mail_is_not_greylisted_and_other_mail_is() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon, MailPrograms, Overlay);
    let lab = lab();
    let root = Root::new(&lab.host).unwrap();
    let _redis = redis(&root).unwrap();
    let rules = recipe("-- /etc/rspamd/rspamd.local.lua").unwrap() + SUSPICIOUS;
    let greylist = recipe("# /etc/rspamd/local.d/greylist.conf").unwrap() + SHORT;
    let files = [
        ("rspamd.local.lua", rules.as_str()),
        ("local.d/greylist.conf", &greylist),
        ("local.d/redis.conf", "servers = \"127.0.0.1\";\n"),
    ];
    let rspamd = rspamd(&root, &files).unwrap();
    let master = recipe("# /etc/postfix/master.cf, with a milter").unwrap();
    let postfix = Postfix::start(&root, MILTER, &master).unwrap();
    steer(&lab.host);
    let _daemon = tagging(&lab, "mark");
    for source in listed() {
        let mail = accepted_at_once(&lab, &root, &postfix, source);
        assert!(mail.contains("D365_LISTED(-2.00)") && mail.contains("SUSPICIOUS(8.00)"), "{mail}");
    }
    let skipped = "skip greylisting as we have found symbol D365_LISTED";
    assert_eq!(rspamd.log().matches(skipped).count(), listed().len(), "{}", rspamd.log());
    strangers_wait(&lab, &root, &postfix, "Try again later");
}

/// The page warns that Rspamd looks at its records before it looks at the symbols.
#[test]
fn a_text_that_was_deferred_a_moment_ago_waits_tagged_or_not() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon, MailPrograms, Overlay);
    let lab = lab();
    let root = Root::new(&lab.host).unwrap();
    let _redis = redis(&root).unwrap();
    let rules = recipe("-- /etc/rspamd/rspamd.local.lua").unwrap() + SUSPICIOUS;
    let greylist = recipe("# /etc/rspamd/local.d/greylist.conf").unwrap();
    let files = [
        ("rspamd.local.lua", rules.as_str()),
        ("local.d/greylist.conf", &greylist),
        ("local.d/redis.conf", "servers = \"127.0.0.1\";\n"),
    ];
    let _rspamd = rspamd(&root, &files).unwrap();
    let master = recipe("# /etc/postfix/master.cf, with a milter").unwrap();
    let _postfix = Postfix::start(&root, MILTER, &master).unwrap();
    let [source, _] = listed();
    let deferred = |subject| matches!(send(&lab, &root, source, subject), Reply::Deferred(_));
    assert!(deferred("before the tag"));
    steer(&lab.host);
    let _daemon = tagging(&lab, "mark");
    assert!(deferred("tagged, the same text"));
}
