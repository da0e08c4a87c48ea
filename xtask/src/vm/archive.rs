//! The suites of Debian's archive with the kernels of the machines, and the packages of a kernel.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::apt::private::Archive;

/// The suites that contain the kernels, and a QEMU with more network cards than Debian 12's.
const SUITES: [(&str, &str); 4] = [
    ("debian-security", "bullseye-security"),
    ("debian-security", "bookworm-security"),
    ("debian", "bookworm-backports"),
    ("debian", "trixie-backports"),
];

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

/// The archive with these suites, below `place`.
pub(super) fn open(place: &Path) -> Result<Archive> {
    Archive::open(&place.join("apt"), "amd64", &SUITES)
}

/// The release of the newest image of a line, as `uname -r` prints it.
pub(super) fn newest(archive: &Archive, line: &str, flavour: Flavour) -> Result<String> {
    let prefix = format!("linux-image-{line}.");
    let newest = archive.newest(&prefix, |name| is_image(name, flavour))?;
    newest.and_then(|name| Some(name.strip_prefix("linux-image-")?.to_owned())).with_context(|| {
        let suites = SUITES.map(|(_, suite)| suite).join(", ");
        format!("Debian has no package {prefix}*-{} in {suites}", flavour.name())
    })
}

/// The packages of the image with this release. Newer kernels have some of its parts in other packages.
pub(super) fn packages(archive: &Archive, release: &str) -> Result<Vec<String>> {
    let names = archive.names("linux-")?;
    let parts = ["image", "binary", "modules", "base"].map(|part| format!("linux-{part}-{release}"));
    Ok(parts.into_iter().filter(|part| names.lines().any(|name| name == part)).collect())
}

/// Returns true for a signed image of this flavour from the suite's own line: `deb11` marks a rebuild for
/// another suite.
fn is_image(name: &str, flavour: Flavour) -> bool {
    let version = name.strip_suffix(flavour.name()).and_then(|name| name.strip_suffix('-'));
    version
        .is_some_and(|version| version.ends_with(|c: char| c.is_ascii_digit()) && !version.contains("deb11"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_known_from_the_rest() {
        let flavours =
            |name: &str| [Flavour::Cloud, Flavour::Ordinary].map(|flavour| is_image(name, flavour));
        assert_eq!(flavours("linux-image-5.10.0-46-cloud-amd64"), [true, false]);
        assert_eq!(flavours("linux-image-6.12.117+deb12-amd64"), [false, true]);
        for other in ["46-cloud-amd64-dbg", "46-cloud-amd64-unsigned", "46-rt-amd64", "0.deb11.52-amd64"] {
            assert_eq!(flavours(&format!("linux-image-5.10.0-{other}")), [false; 2], "{other}");
        }
    }
}
