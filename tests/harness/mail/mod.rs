//! A mail server of Debian's own programs, configured as `docs/mail-server.md` describes, in a root of its
//! own.
//!
//! None of it is installed. `cargo xtask test` unpacks the packages, and a mount namespace lays their files
//! over this machine's programs. Configuration, queue, users and logs belong to the namespace, and are gone
//! with it.

mod haproxy;
mod installed;
mod postfix;
mod postgrey;
mod programs;
mod root;
mod rspamd;
mod service;
mod swaks;
mod tree;

use anyhow::Result;

pub use self::{
    haproxy::HaProxy,
    installed::installed,
    postfix::Postfix,
    postgrey::postgrey,
    programs::{FILTERS, MAIL, Programs},
    root::{Root, overlay_works},
    rspamd::{redis, rspamd},
    service::Service,
    swaks::{Reply, swaks},
};
use crate::page;

/// The block of `docs/mail-server.md` whose first line is the comment `name`.
pub fn recipe(name: &str) -> Result<String> {
    page::block("mail-server.md", name)
}

/// Users of the private roots, and their numbers.
const OWNERS: [(&str, u32); 5] = [
    ("postfix", postfix::OWNER),
    ("vmail", postfix::MAILBOX_OWNER),
    ("_rspamd", rspamd::OWNER),
    ("postgrey", postgrey::OWNER),
    ("redis", rspamd::REDIS_OWNER),
];
