//! The files next to the packages: the changelog for Debian, the list of components, the checksums.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::build::DAEMON;
use crate::{cargo, command};

/// The maintainer of the Debian package, by the daemon's manifest.
pub(super) fn maintainer() -> Result<String> {
    let mut metadata = cargo::cargo()?;
    metadata.args(["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&command::stdout(&mut metadata)?)?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let mut packages = packages.filter(|package| package["name"] == DAEMON);
    let maintainer = packages.find_map(|package| package["metadata"]["deb"]["maintainer"].as_str());
    Ok(maintainer
        .with_context(|| format!("{DAEMON}/Cargo.toml names no maintainer of the package"))?
        .to_owned())
}

/// The time of the commit, in seconds.
pub(super) fn epoch() -> Result<String> {
    let mut log = Command::new("git");
    log.current_dir(cargo::workspace()).args(["log", "-1", "--format=%ct"]);
    Ok(command::stdout(&mut log).context("a release is made from a commit")?.trim().to_owned())
}

/// Debian's changelog: an entry for each version of ours, which names the changelog that has the changes.
pub(super) fn debian_changelog(changelog: &str, maintainer: &str) -> Result<String> {
    let entries = releases(changelog).into_iter().map(|(version, date)| {
        let mut rfc = Command::new("date");
        rfc.env("LC_ALL", "C").args(["--utc", "--rfc-email", &format!("--date={date}")]);
        let date = command::stdout(&mut rfc)?;
        Ok(format!(
            "d365 ({version}-1) unstable; urgency=medium\n\n  * New release {version}; its changes are in \
             changelog.gz.\n\n -- {maintainer}  {date}"
        ))
    });
    let entries = entries.collect::<Result<Vec<_>>>()?;
    let version = env!("CARGO_PKG_VERSION");
    let first = format!("d365 ({version}-1)");
    ensure!(
        entries.first().is_some_and(|entry| entry.starts_with(&first)),
        "CHANGELOG.md has no `## {version} - DATE`"
    );
    Ok(entries.join("\n"))
}

/// The versions and the dates of a changelog: `## 0.1.0 - 2026-12-01`.
fn releases(changelog: &str) -> Vec<(&str, &str)> {
    let heads = changelog.lines().filter_map(|line| line.strip_prefix("## "));
    heads.filter_map(|head| head.split_once(" - ")).collect()
}

/// The list of components (`CycloneDX`), without paths of this machine.
pub(super) fn sbom(out: &Path) -> Result<()> {
    let name = format!("d365-{}.cdx", env!("CARGO_PKG_VERSION"));
    let workspace = cargo::workspace();
    let mut list = cargo::cargo()?;
    list.args([
        "cyclonedx",
        "--quiet",
        "--format",
        "json",
        "--spec-version",
        "1.5",
        "--override-filename",
        &name,
    ]);
    list.arg("--manifest-path").arg(workspace.join(DAEMON).join("Cargo.toml"));
    command::run(list.env("SOURCE_DATE_EPOCH", epoch()?))?;
    // The tool writes next to the manifest of each package.
    let file = format!("{name}.json");
    let made = workspace.join(DAEMON).join(&file);
    let text = fs::read_to_string(&made).with_context(|| format!("cannot read {}", made.display()))?;
    let members = fs::read_dir(&workspace)?.flatten().map(|entry| entry.path().join(&file));
    members.filter(|path| path.is_file()).try_for_each(fs::remove_file)?;
    let text = text.replace(&*workspace.to_string_lossy(), "/d365");
    fs::write(out.join(&file), text).with_context(|| format!("cannot write {file}"))
}

/// The checksums of all files.
pub(super) fn sums(out: &Path) -> Result<()> {
    let names = fs::read_dir(out)?.map(|file| Ok(file?.file_name())).collect::<Result<Vec<_>>>();
    let mut names = names?;
    names.sort();
    let mut sums = Command::new("sha256sum");
    let sums = command::stdout(sums.current_dir(out).args(names).stderr(Stdio::inherit()))?;
    fs::write(out.join("SHA256SUMS"), sums).context("cannot write SHA256SUMS")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_names_version_and_date() {
        let text = format!("# Changelog\n\n## {} - 2026-12-01\n\n- This.\n", env!("CARGO_PKG_VERSION"));
        let maintainer = maintainer().unwrap();
        let changelog = debian_changelog(&text, &maintainer).unwrap();
        assert!(changelog.starts_with(&format!("d365 ({}-1) unstable; ", env!("CARGO_PKG_VERSION"))));
        assert!(
            changelog.ends_with(&format!(" -- {maintainer}  Tue, 01 Dec 2026 00:00:00 +0000\n")),
            "{changelog}"
        );
        assert!(debian_changelog("## Unreleased\n", &maintainer).is_err());
    }
}
