//! Memory of maps.

use std::{
    collections::BTreeMap,
    fs,
    os::fd::{AsFd as _, AsRawFd as _},
};

use aya::maps::loaded_maps;

/// Bytes of memory that the kernel accounts for each map of the machine, by the map's id. A map that is
/// removed meanwhile is left out.
pub(crate) fn locked_bytes() -> BTreeMap<u32, u64> {
    let bytes = |info: &aya::maps::MapInfo| {
        let fd = info.fd().ok()?;
        let text = fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_fd().as_raw_fd())).ok()?;
        text.lines().find_map(|line| line.strip_prefix("memlock:")?.trim().parse().ok())
    };
    loaded_maps().filter_map(Result::ok).filter_map(|info| Some((info.id(), bytes(&info)?))).collect()
}
