//! A machine as tests may find it, with a mail server, users, files and pins of its own.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    path::Path,
};

use anyhow::{Context as _, Result};
use nix::mount::{MsFlags, mount};

use super::{OWNERS, tree};
use crate::mount::{Mount, View};

/// Top-level directories that the view changes, and the one on which its tmpfs is mounted.
const KEPT_IN_MEMORY: [&str; 3] = ["etc", "var", "mnt"];

/// Files that would stop or change every program that reads them.
const FILES: [(&str, &str); 7] = [
    ("/etc/postfix/main.cf", "compatibility_level = nonsense\n"),
    ("/etc/postfix/master.cf", "nonsense\n"),
    ("/etc/default/postfix", "exit 9\n"),
    ("/etc/rspamd/rspamd.local.lua", "error('the machine is not the test')\n"),
    ("/etc/rspamd/local.d/options.inc", "}{\n"),
    ("/etc/postgrey/whitelist_clients", "/.*/\n"),
    ("/var/lib/d365/gate.json", "nonsense\n"),
];

/// Directories of a queue and of state that only their owner may enter.
const DIRECTORIES: [&str; 7] = [
    "/var/spool/postfix",
    "/var/spool/postfix/defer",
    "/var/spool/postfix/active",
    "/var/spool/postfix/etc",
    "/var/lib/postfix",
    "/var/lib/rspamd",
    "/var/lib/postgrey",
];

/// A view of this machine with an installed mail server and a bpffs. The mail server's users have other
/// numbers than the tests' users.
pub fn installed() -> Result<View> {
    View::with(|| {
        change_root()?;
        Mount::Bpffs.apply()?;
        let mut users = fs::read_to_string("/etc/passwd")?;
        let mut groups = fs::read_to_string("/etc/group")?;
        // Each user gets the number of another of the tests' users.
        let numbers = OWNERS.iter().rev().map(|(_, number)| number);
        for ((name, _), number) in OWNERS.iter().zip(numbers).chain([(&("d365", 0), &999)]) {
            users.push_str(&format!("{name}:x:{number}:{number}::/:/usr/sbin/nologin\n"));
            groups.push_str(&format!("{name}:x:{number}:\n"));
        }
        fs::write("/etc/passwd", users)?;
        fs::write("/etc/group", groups)?;
        for (path, text) in FILES {
            Path::new(path).parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(path, text).with_context(|| format!("cannot write {path}"))?;
        }
        for path in DIRECTORIES {
            fs::create_dir_all(path)?;
            chown(path, Some(999), Some(999))?;
            fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
        }
        Ok(())
    })
}

/// Lays a tmpfs over `/`, and makes the result the root of the calling thread's mount namespace. Unchanged
/// directories are visible as before, with everything that is mounted there.
fn change_root() -> Result<()> {
    let memory = Path::new(tree::WORKSHOP);
    tree::tmpfs(memory, "mode=755")?;
    let [upper, work, root] = ["upper", "work", "root"].map(|name| memory.join(name));
    [&upper, &work, &root].into_iter().try_for_each(fs::create_dir)?;
    let options = format!("lowerdir=/,upperdir={},workdir={}", upper.display(), work.display());
    mount(Some("overlay"), &root, Some("overlay"), MsFlags::empty(), Some(options.as_str()))
        .context("cannot lay memory over /")?;
    for entry in fs::read_dir("/")? {
        let entry = entry?;
        let name = entry.file_name();
        if entry.file_type()?.is_dir() && !KEPT_IN_MEMORY.iter().any(|kept| name == *kept) {
            tree::bind(&entry.path(), &root.join(name))?;
        }
    }
    tree::enter(&root)
}
