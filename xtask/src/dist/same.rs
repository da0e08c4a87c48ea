//! The check that a release can be made again: a second build in a clone in another directory gives the same
//! files.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};

use crate::{cargo, command};

pub(super) fn check(out: &Path, architectures: &[String]) -> Result<()> {
    // Another path, of another length.
    let clone = cargo::target_dir()?.join("dist-again").join("d365");
    let _ = fs::remove_dir_all(&clone);
    let mut git = Command::new("git");
    command::run(git.args(["clone", "--quiet", "--no-hardlinks"]).arg(cargo::workspace()).arg(&clone))?;
    let mut again = cargo::cargo()?;
    again.current_dir(&clone).env_remove("CARGO_TARGET_DIR").env_remove("CARGO_MANIFEST_DIR");
    again.args(["xtask", "dist"]);
    if !architectures.is_empty() {
        again.arg("--arch").args(architectures);
    }
    command::run(&mut again)?;
    let read = |dir: &Path| {
        let path = dir.join("SHA256SUMS");
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let (first, second) = (read(out)?, read(&clone.join("target/dist"))?);
    ensure!(first == second, "two builds differ:\n{first}\n{second}");
    println!("a second build in {} made the same files", clone.display());
    fs::remove_dir_all(clone).context("cannot remove the second build")
}
