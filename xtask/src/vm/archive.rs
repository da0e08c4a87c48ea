//! Debian's archive through an apt configuration of our own. It uses other suites than the machine's, and
//! installs nothing. It neither reads nor changes the machine's own sources, lists and settings.

use std::{
    fmt, fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};

use crate::{apt, command};

/// The suites that contain the kernels.
const SUITES: [(&str, &str); 3] = [
    ("debian-security", "bullseye-security"),
    ("debian-security", "bookworm-security"),
    ("debian", "trixie-backports"),
];
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// An image package. Newer kernels have some of its parts in other packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Image {
    version: String,
    package: String,
}

impl Image {
    /// The release, as `uname -r` prints it.
    pub(super) fn release(&self) -> &str {
        self.package.strip_prefix("linux-image-").unwrap_or(&self.package)
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.package, self.version)
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

/// The newest image whose package's name begins with `package`.
pub(super) fn newest(place: &Path, package: &str) -> Result<Image> {
    let names = command::stdout(program(place, "apt-cache").args(["pkgnames", package]))?;
    let names: Vec<&str> = names.lines().filter(|name| is_image(name)).collect();
    let shown = if names.is_empty() {
        String::new()
    } else {
        command::stdout(program(place, "apt-cache").arg("show").args(names))?
    };
    let images = images(&shown);
    let newer = |a: &Image, b: &Image| {
        command::succeeds(Command::new("dpkg").args(["--compare-versions", &a.version, "gt", &b.version]))
    };
    images
        .into_iter()
        .reduce(|best, image| if newer(&image, &best) { image } else { best })
        .with_context(|| format!("Debian has no package {package}*-cloud-amd64 in {}", suites()))
}

/// Downloads `image` and its parts, and unpacks them into `into`.
pub(super) fn unpack(place: &Path, image: &Image, into: &Path) -> Result<()> {
    fs::create_dir_all(into).with_context(|| format!("cannot make {}", into.display()))?;
    let parts = ["binary", "modules", "base"].map(|part| format!("linux-{part}-{}", image.release()));
    let exists = |part: &&String| {
        let mut names = program(place, "apt-cache");
        command::stdout(names.args(["pkgnames", part]))
            .is_ok_and(|found| found.lines().any(|name| name == *part))
    };
    let mut fetch = program(place, "apt-get");
    fetch.args(["-qq", "download", &image.package]).args(parts.iter().filter(exists));
    apt::fetch(fetch.stdout(Stdio::null()), into)
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

/// Returns true for a signed image for virtual machines from the suite's own line: `deb11` marks a rebuild
/// for another suite.
fn is_image(name: &str) -> bool {
    name.ends_with("-cloud-amd64") && !name.contains("deb11")
}

/// The images that `apt-cache show` describes. Meta-packages are not among them, because their names have no
/// release.
fn images(shown: &str) -> Vec<Image> {
    let field = |paragraph: &str, name: &str| {
        let found = paragraph.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        found.map(str::to_owned)
    };
    let image = |paragraph| {
        Some(Image { version: field(paragraph, "Version")?, package: field(paragraph, "Package")? })
    };
    shown.split("\n\n").filter_map(image).collect()
}

fn suites() -> String {
    SUITES.map(|(_, suite)| suite).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_images_and_knows_them_from_the_rest() {
        let shown = "Package: linux-image-6.12.115+deb12-cloud-amd64\nVersion: 6.12.115-1~deb12u1\nSize: 1\n\n\
                     Package: linux-image-6.12.117+deb12-cloud-amd64\nVersion: 6.12.117-1~deb12u1\n\n";
        let images = images(shown);
        assert_eq!(images.len(), 2);
        assert_eq!(images[1].version, "6.12.117-1~deb12u1");
        assert_eq!(images[1].release(), "6.12.117+deb12-cloud-amd64");
        assert!(is_image("linux-image-5.10.0-46-cloud-amd64"));
        assert!(!is_image("linux-image-5.10.0-46-cloud-amd64-dbg"));
        assert!(!is_image("linux-image-5.10.0-46-cloud-amd64-unsigned"));
        assert!(!is_image("linux-image-6.1.0-0.deb11.52-cloud-amd64"));
    }
}
