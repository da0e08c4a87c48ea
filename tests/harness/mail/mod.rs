//! A mail server of Debian's own programs, configured as `docs/mail-server.md` says, in a root of its own.
//!
//! Nothing of it is installed: the packages were unpacked (`cargo xtask test`), and their files are laid over this machine's
//! root in a mount namespace. Configuration, queue, users and logs are the namespace's and gone with it.

mod postfix;
mod recipe;
mod root;
mod rspamd;
mod swaks;

pub use self::{
    postfix::Postfix,
    recipe::recipe,
    root::{Root, overlay_works, programs},
    rspamd::Rspamd,
    swaks::swaks,
};
