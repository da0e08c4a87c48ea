//! Machines with network cards: QEMU emulates cards whose drivers in Linux have native XDP. Each machine has
//! a card to test and a far end, joined by a hub inside of QEMU. No frame leaves the machine.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};
use d365_tests::lab::{host_mac, sender_mac};

use crate::{
    apt::{self, private::Archive},
    cargo, command,
};

/// The cards, as QEMU names them. The far end is always the first one.
pub(super) const CARDS: [&str; 3] = ["virtio-net-pci", "vmxnet3", "igb"];
/// The last card that QEMU has got, in 8.0. Debian 12 has 7.2.
const NEWEST: &str = "igb";
/// The suite with a later QEMU for Debian 12, and its packages. They need no library that Debian's own QEMU
/// does not need.
const SUITE: &str = "bookworm-backports";
const PACKAGES: [&str; 4] = ["qemu-system-x86", "qemu-system-common", "qemu-system-data", "seabios"];
const PROGRAM: &str = "qemu-system-x86_64";

/// A QEMU that emulates all [`CARDS`].
#[derive(Clone, Debug)]
pub(super) struct Emulator {
    program: PathBuf,
    /// The directories with its firmware; none if they are where it looks.
    firmware: Vec<PathBuf>,
}

impl Emulator {
    /// This machine's QEMU.
    pub(super) fn installed() -> Result<Self> {
        Ok(Self { program: cargo::find(PROGRAM)?, firmware: Vec::new() })
    }

    /// This machine's QEMU if it has every card; otherwise Debian's later one, which is unpacked below
    /// `place` and not installed.
    pub(super) fn with_cards(archive: &Archive, place: &Path) -> Result<Self> {
        let installed = Self::installed()?;
        let devices = command::stdout(Command::new(&installed.program).args(["-device", "help"]))?;
        if devices.contains(&format!("\"{NEWEST}\"")) {
            return Ok(installed);
        }
        let (tree, stamp) = (place.join("qemu"), place.join("qemu.made-of"));
        let packages = PACKAGES.map(|package| format!("{package}/{SUITE}"));
        let download = || archive.download(&packages);
        let made_of = command::stdout(download().arg("--print-uris"))?;
        if !fs::read_to_string(&stamp).is_ok_and(|there| there == made_of) {
            eprintln!("xtask: QEMU of {SUITE}, because this machine's has no {NEWEST}");
            let _ = fs::remove_dir_all(&tree);
            fs::create_dir_all(&tree).with_context(|| format!("cannot make {}", tree.display()))?;
            apt::fetch(download().stdout(Stdio::null()), &tree)?;
            fs::write(&stamp, made_of).with_context(|| format!("cannot write {}", stamp.display()))?;
        }
        let firmware = ["usr/share/qemu", "usr/share/seabios"].map(|part| tree.join(part)).to_vec();
        Ok(Self { program: tree.join("usr/bin").join(PROGRAM), firmware })
    }

    pub(super) fn command(&self) -> Command {
        let mut qemu = Command::new(&self.program);
        self.firmware.iter().for_each(|directory| {
            qemu.arg("-L").arg(directory);
        });
        qemu
    }
}

/// QEMU's arguments for a machine with this card and the far end. The tests know the two by their hardware
/// addresses. QEMU warns that the hub has no way out, as it should.
pub(super) fn arguments(card: &str) -> Vec<String> {
    let ends = [("far", CARDS[0], sender_mac(0)), ("near", card, host_mac(0))];
    let end = |(name, device, mac)| {
        [
            "-netdev",
            &format!("hubport,id={name},hubid=0"),
            "-device",
            &format!("{device},netdev={name},mac={mac},romfile="),
        ]
        .map(str::to_owned)
    };
    ends.into_iter().flat_map(end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_on_one_hub_and_are_told_apart() {
        let line = arguments("igb").join(" ");
        assert!(line.contains("virtio-net-pci,netdev=far,mac=02:d3:65:00:00:01,"), "{line}");
        assert!(line.contains("igb,netdev=near,mac=02:d3:65:00:00:02,"), "{line}");
        assert_eq!(line.matches("hubid=0").count(), 2);
    }
}
