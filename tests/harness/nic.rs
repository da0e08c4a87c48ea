//! Network cards of a machine that `cargo xtask vm-test --nic` makes for the tests. A card is known by its
//! hardware address, which is one of a lab's. This module touches no other interface.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result};

use crate::{
    command,
    netns::Netns,
    patience,
    veth::{self, End, Mac},
};

/// A card and its driver.
#[derive(Clone, Debug)]
pub struct Card {
    /// The name of the driver.
    pub driver: String,
    driver_path: PathBuf,
    device: String,
}

impl Card {
    /// The card with this address, which must be in no lab.
    pub fn find(mac: Mac) -> Result<Self> {
        let link = |path: PathBuf| fs::canonicalize(&path).with_context(|| format!("no {}", path.display()));
        let device = link(Path::new("/sys/class/net").join(interface(mac)?).join("device"))?;
        let driver_path = link(device.join("driver"))?;
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { driver: name(&driver_path), device: name(&device), driver_path })
    }

    /// Takes the driver off the card: its interface is gone.
    pub fn unbind(&self) -> Result<()> {
        self.write("unbind")
    }

    /// Gives the card to the driver: a new interface, with default settings, appears in the namespace of this
    /// process.
    pub fn bind(&self) -> Result<()> {
        self.write("bind")
    }

    fn write(&self, file: &str) -> Result<()> {
        let path = self.driver_path.join(file);
        fs::write(&path, &self.device).with_context(|| format!("cannot write to {}", path.display()))
    }
}

/// Moves the card with this address from the namespace of this process into another one.
pub(crate) fn take(netns: &Netns, mac: Mac) -> Result<End> {
    let end = End::new(netns, interface(mac)?, mac);
    give(&end.name, &end)?;
    Ok(end)
}

/// Moves a card whose driver was bound again to where it was, under its name, and brings it up.
pub fn give_back(end: &End) -> Result<()> {
    give(&interface(end.mac)?, end)?;
    veth::bring_up(&[end])
}

fn give(interface: &str, end: &End) -> Result<()> {
    let mut ip = Command::new("ip");
    ip.args(["link", "set", "dev", interface, "netns", &end.netns.path(), "name", &end.name]);
    command::output(&mut ip, None).map(drop)
}

/// The interface with this address in the namespace of this process. The kernel brings it back there some
/// time after the namespace of an earlier test is gone.
fn interface(mac: Mac) -> Result<String> {
    let interface = || {
        for entry in fs::read_dir("/sys/class/net")? {
            let entry = entry?;
            let address = fs::read_to_string(entry.path().join("address")).unwrap_or_default();
            if address.trim_end() == mac.to_string() {
                return Ok(Some(entry.file_name().to_string_lossy().into_owned()));
            }
        }
        Ok(None)
    };
    let found = patience::wait(Duration::from_secs(10), interface)?;
    found.with_context(|| format!("no interface with the address {mac} after 10 s"))
}
