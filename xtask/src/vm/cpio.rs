//! Archives for the kernel's initial file system. The kernel unpacks several archives, one behind the other,
//! so each part is packed only once.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

/// Packs everything below `dir`, with root as the owner.
pub(super) fn pack(dir: &Path, archive: &Path) -> Result<()> {
    let file = File::create(archive).with_context(|| format!("cannot make {}", archive.display()))?;
    let mut find = Command::new("find");
    let mut find = find.current_dir(dir).args([".", "-print0"]).stdout(Stdio::piped()).spawn()?;
    let names = find.stdout.take().context("find has no output")?;
    let mut cpio = Command::new("cpio");
    cpio.args(["--create", "--null", "--quiet", "--format=newc", "--owner=0:0"]).current_dir(dir);
    let status = cpio.stdin(names).stdout(file).status().context("cannot start cpio")?;
    ensure!(find.wait()?.success() && status.success(), "cannot pack {}: cpio {status}", dir.display());
    Ok(())
}

/// Joins archives, one behind the other.
pub(super) fn join(archives: &[&PathBuf], whole: &Path) -> Result<()> {
    let mut file = File::create(whole).with_context(|| format!("cannot make {}", whole.display()))?;
    for archive in archives {
        let copied = File::open(archive).and_then(|mut part| io::copy(&mut part, &mut file));
        copied.with_context(|| format!("cannot append {}", archive.display()))?;
    }
    Ok(())
}
