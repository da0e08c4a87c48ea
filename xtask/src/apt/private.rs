//! Debian's archive through an apt configuration of our own. It uses other suites or another architecture
//! than the machine's, and installs nothing. It neither reads nor changes the machine's own sources, lists
//! and settings.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};

use crate::{apt, command};

pub(crate) const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Package lists in a directory of our own.
pub(crate) struct Archive {
    dir: PathBuf,
}

impl Archive {
    /// Gets the newest package lists of these suites, each behind its archive's name. If the archive cannot
    /// be reached, lists of an earlier run suffice.
    pub(crate) fn open(dir: &Path, architecture: &str, suites: &[(&str, &str)]) -> Result<Self> {
        for part in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(dir.join(part)).with_context(|| format!("cannot make {}", dir.display()))?;
        }
        let sources: String = suites
            .iter()
            .map(|(archive, suite)| {
                format!("deb [arch={architecture} signed-by={KEYRING}] http://deb.debian.org/{archive} {suite} main\n")
            })
            .collect();
        fs::write(dir.join("sources.list"), sources)?;
        fs::write(dir.join("apt.conf"), configuration(dir, architecture))?;
        let archive = Self { dir: dir.to_path_buf() };
        let Err(error) = command::run(archive.program("apt-get").args(["-qq", "update"])) else {
            return Ok(archive);
        };
        let lists = fs::read_dir(dir.join("lists"))?.flatten();
        if lists.into_iter().any(|entry| entry.file_name().to_string_lossy().ends_with("_Packages")) {
            eprintln!("xtask: {error:#}; the lists of an earlier run are used");
            return Ok(archive);
        }
        Err(error).context("Debian's archive gives no list of packages (this needs apt and the network)")
    }

    /// A program of apt's with our configuration.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.env("APT_CONFIG", self.dir.join("apt.conf")).env("LC_ALL", "C").stdin(Stdio::null());
        command
    }

    /// The newest package whose name begins so and fits.
    pub(crate) fn newest(&self, prefix: &str, fits: impl Fn(&str) -> bool) -> Result<Option<String>> {
        let names = self.names(prefix)?;
        let newest = names.lines().filter(|name| fits(name)).max_by_key(|name| numbers(name));
        Ok(newest.map(str::to_owned))
    }

    /// The names of all packages that begin so, one a line.
    pub(crate) fn names(&self, prefix: &str) -> Result<String> {
        command::stdout(self.program("apt-cache").args(["pkgnames", prefix]))
    }

    /// `apt-get download` of these packages.
    pub(crate) fn download(&self, packages: &[impl AsRef<OsStr>]) -> Command {
        let mut download = self.program("apt-get");
        download.args(["-qq", "download"]).args(packages);
        download
    }

    /// Unpacks exactly these packages into one tree.
    pub(crate) fn unpack(&self, packages: &[&str], into: &Path) -> Result<()> {
        let partial = into.with_extension("partial");
        let _ = fs::remove_dir_all(&partial);
        fs::create_dir_all(&partial).with_context(|| format!("cannot make {}", partial.display()))?;
        apt::fetch(&mut self.download(packages), &partial)?;
        fs::rename(&partial, into).with_context(|| format!("cannot name a directory {}", into.display()))
    }
}

fn configuration(dir: &Path, architecture: &str) -> String {
    let dir = dir.display();
    let user = if command::is_root() { "APT::Sandbox::User \"root\";\n" } else { "" };
    format!(
        "Dir::Etc::SourceList \"{dir}/sources.list\";\nDir::Etc::SourceParts \"/dev/null\";\n\
         Dir::Etc::Preferences \"/dev/null\";\nDir::Etc::PreferencesParts \"/dev/null\";\n\
         Dir::State::Lists \"{dir}/lists\";\nDir::State::status \"/dev/null\";\nDir::Cache \"{dir}/cache\";\n\
         APT::Architecture \"{architecture}\";\nAPT::Architectures \"{architecture}\";\n\
         Acquire::Languages \"none\";\nAcquire::Retries \"3\";\n{user}"
    )
}

/// The numbers in a name: a newer package has greater ones.
fn numbers(name: &str) -> Vec<u32> {
    name.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn packages_are_known_by_their_age() {
        assert!(numbers("linux-image-5.10.0-46-cloud-amd64") > numbers("linux-image-5.10.0-9-cloud-amd64"));
        assert!(numbers("linux-image-6.12.117+deb12-amd64") > numbers("linux-image-6.12.9+deb13-amd64"));
    }
}
