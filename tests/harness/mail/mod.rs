//! A mail server of Debian's own programs, configured as `docs/mail-server.md` says, in a root of its own.
//!
//! Nothing of it is installed: the packages were unpacked (`cargo xtask test`), and their files are laid over
//! this machine's programs in a mount namespace. Configuration, queue, users and logs are the namespace's and
//! gone with it.

mod installed;
mod postfix;
mod postgrey;
mod recipe;
mod redis;
mod root;
mod rspamd;
mod service;
mod swaks;
mod tree;

pub use self::{
    installed::installed,
    postfix::Postfix,
    postgrey::Postgrey,
    recipe::recipe,
    redis::Redis,
    root::{Root, is_complete, overlay_works, programs},
    rspamd::Rspamd,
    swaks::{Reply, swaks},
};

/// Users of the private roots, and their numbers.
const OWNERS: [(&str, u32); 5] = [
    ("postfix", postfix::OWNER),
    ("vmail", postfix::MAILBOX_OWNER),
    ("_rspamd", rspamd::OWNER),
    ("postgrey", postgrey::OWNER),
    ("redis", redis::OWNER),
];

/// Debian's packages that the tree is unpacked from, each with a file that only it brings.
pub const PACKAGES: [(&str, &str); 6] = [
    ("postfix", "usr/sbin/postfix"),
    ("rspamd", "usr/bin/rspamd"),
    ("swaks", "usr/bin/swaks"),
    ("libio-socket-inet6-perl", "usr/share/perl5/IO/Socket/INET6.pm"),
    ("postgrey", "usr/sbin/postgrey"),
    ("redis-server", "usr/bin/redis-server"),
];
