//! Debian's archive through an apt configuration of our own. It uses other suites than the machine's, and
//! installs nothing. It neither reads nor changes the machine's own sources, lists and settings.

use std::{
    ffi::OsStr,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};

use crate::command;

/// The suites that contain the kernels, and a QEMU with more network cards than Debian 12's.
const SUITES: [(&str, &str); 4] = [
    ("debian-security", "bullseye-security"),
    ("debian-security", "bookworm-security"),
    ("debian", "bookworm-backports"),
    ("debian", "trixie-backports"),
];
pub(super) const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The two builds of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavour {
    /// For virtual machines: it has few drivers.
    Cloud,
    /// For any machine.
    Ordinary,
}

impl Flavour {
    /// The end of the release's name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Cloud => "cloud-amd64",
            Self::Ordinary => "amd64",
        }
    }
}

/// Gets the newest package lists. If the archive cannot be reached, lists of an earlier run suffice.
pub(super) fn update(place: &Path) -> Result<()> {
    let dir = place.join("apt");
    for part in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(dir.join(part)).with_context(|| format!("cannot make {}", dir.display()))?;
    }
    let sources = SUITES.map(|(archive, suite)| {
        format!("deb [arch=amd64 signed-by={KEYRING}] http://deb.debian.org/{archive} {suite} main\n")
    });
    fs::write(dir.join("sources.list"), sources.concat())?;
    fs::write(dir.join("apt.conf"), configuration(&dir))?;
    let Err(error) = command::run(program(place, "apt-get").args(["-qq", "update"])) else { return Ok(()) };
    let lists = fs::read_dir(dir.join("lists"))?.flatten();
    if lists.into_iter().any(|entry| entry.file_name().to_string_lossy().ends_with("_Packages")) {
        eprintln!("xtask: {error:#}; the lists of an earlier run are used");
        return Ok(());
    }
    Err(error).context("Debian's archive gives no list of kernels (this needs apt and the network)")
}

/// The release of the newest image of a line, as `uname -r` prints it.
pub(super) fn newest(place: &Path, line: &str, flavour: Flavour) -> Result<String> {
    let prefix = format!("linux-image-{line}.");
    let names = command::stdout(program(place, "apt-cache").args(["pkgnames", &prefix]))?;
    let newest = names.lines().filter(|name| is_image(name, flavour)).max_by_key(|name| numbers(name));
    newest.and_then(|name| name.strip_prefix("linux-image-")).map(str::to_owned).with_context(|| {
        let suites = SUITES.map(|(_, suite)| suite).join(", ");
        format!("Debian has no package {prefix}*-{} in {suites}", flavour.name())
    })
}

/// `apt-get download` of these packages.
pub(super) fn download(place: &Path, packages: &[impl AsRef<OsStr>]) -> Command {
    let mut download = program(place, "apt-get");
    download.args(["-qq", "download"]).args(packages);
    download
}

/// The packages of the image with this release. Newer kernels have some of its parts in other packages.
pub(super) fn packages(place: &Path, release: &str) -> Result<Vec<String>> {
    let names = command::stdout(program(place, "apt-cache").args(["pkgnames", "linux-"]))?;
    let parts = ["image", "binary", "modules", "base"].map(|part| format!("linux-{part}-{release}"));
    Ok(parts.into_iter().filter(|part| names.lines().any(|name| name == part)).collect())
}

/// A program of apt's with our configuration.
fn program(place: &Path, name: &str) -> Command {
    let mut command = Command::new(name);
    command.env("APT_CONFIG", place.join("apt/apt.conf")).env("LC_ALL", "C").stdin(Stdio::null());
    command
}

fn configuration(dir: &Path) -> String {
    let dir = dir.display();
    let user = if command::is_root() { "APT::Sandbox::User \"root\";\n" } else { "" };
    format!(
        "Dir::Etc::SourceList \"{dir}/sources.list\";\nDir::Etc::SourceParts \"/dev/null\";\n\
         Dir::Etc::Preferences \"/dev/null\";\nDir::Etc::PreferencesParts \"/dev/null\";\n\
         Dir::State::Lists \"{dir}/lists\";\nDir::State::status \"/dev/null\";\nDir::Cache \"{dir}/cache\";\n\
         APT::Architecture \"amd64\";\nAcquire::Languages \"none\";\nAcquire::Retries \"3\";\n{user}"
    )
}

/// Returns true for a signed image of this flavour from the suite's own line: `deb11` marks a rebuild for
/// another suite.
fn is_image(name: &str, flavour: Flavour) -> bool {
    let version = name.strip_suffix(flavour.name()).and_then(|name| name.strip_suffix('-'));
    version
        .is_some_and(|version| version.ends_with(|c: char| c.is_ascii_digit()) && !version.contains("deb11"))
}

/// The numbers in a name: a newer image has greater ones.
fn numbers(name: &str) -> Vec<u32> {
    name.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_known_from_the_rest_and_by_their_age() {
        let flavours =
            |name: &str| [Flavour::Cloud, Flavour::Ordinary].map(|flavour| is_image(name, flavour));
        assert_eq!(flavours("linux-image-5.10.0-46-cloud-amd64"), [true, false]);
        assert_eq!(flavours("linux-image-6.12.117+deb12-amd64"), [false, true]);
        for other in ["46-cloud-amd64-dbg", "46-cloud-amd64-unsigned", "46-rt-amd64", "0.deb11.52-amd64"] {
            assert_eq!(flavours(&format!("linux-image-5.10.0-{other}")), [false; 2], "{other}");
        }
        assert!(numbers("linux-image-5.10.0-46-cloud-amd64") > numbers("linux-image-5.10.0-9-cloud-amd64"));
        assert!(numbers("linux-image-6.12.117+deb12-amd64") > numbers("linux-image-6.12.9+deb13-amd64"));
    }
}
