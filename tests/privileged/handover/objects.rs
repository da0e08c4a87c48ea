//! Programs, maps and links in the kernel, by their ids. The kernel gives no id twice.

use std::{collections::BTreeSet, fs};

use aya::{
    maps::loaded_maps,
    programs::{loaded_links, loaded_programs},
};

use crate::steps::field;

/// The beginning of the names of a d365-user's programs.
const OWN: &str = "d365";

/// Ids of programs, maps and links.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Objects {
    programs: BTreeSet<u32>,
    maps: BTreeSet<u32>,
    pub(super) links: BTreeSet<u32>,
}

impl Objects {
    /// All maps and links in the kernel, and the programs of any d365-user. systemd has programs of its own.
    pub(super) fn all() -> Self {
        // An object may go between the search for its id and the question about it.
        Self {
            programs: loaded_programs()
                .flatten()
                .filter(|program| program.name().starts_with(OWN.as_bytes()))
                .map(|program| program.id())
                .collect(),
            maps: loaded_maps().flatten().map(|map| map.id()).collect(),
            links: loaded_links().flatten().map(|link| link.id()).collect(),
        }
    }

    /// The objects whose descriptors a process has.
    pub(super) fn held_by(pid: u32) -> Self {
        let mut held = Self::default();
        for entry in fs::read_dir(format!("/proc/{pid}/fdinfo")).unwrap() {
            // A descriptor may be closed meanwhile.
            let text = fs::read_to_string(entry.unwrap().path()).unwrap_or_default();
            let id = |name| field(&text, name).map(|id| id.parse::<u32>().unwrap());
            held.programs.extend(id("prog_id:"));
            held.maps.extend(id("map_id:"));
            held.links.extend(id("link_id:"));
        }
        held
    }

    pub(super) fn add(&mut self, other: Self) {
        self.programs.extend(other.programs);
        self.maps.extend(other.maps);
        self.links.extend(other.links);
    }

    /// Those of these objects that still exist, without those of `known`.
    pub(super) fn left(&self, known: &Self) -> Self {
        let now = Self::all();
        let left = |own: &BTreeSet<u32>, now: &BTreeSet<u32>, known: &BTreeSet<u32>| {
            own.intersection(now).filter(|id| !known.contains(id)).copied().collect()
        };
        Self {
            programs: left(&self.programs, &now.programs, &known.programs),
            maps: left(&self.maps, &now.maps, &known.maps),
            links: left(&self.links, &now.links, &known.links),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The digests of the programs that a process's links attach.
pub(super) fn digests(pid: u32) -> BTreeSet<u64> {
    let links = fs::read_dir(format!("/proc/{pid}/fdinfo")).unwrap();
    let links = links.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap_or_default());
    let attached = links.filter(|text| field(text, "link_id:").is_some());
    let digests = attached.map(|text| u64::from_str_radix(field(&text, "prog_tag:").unwrap(), 16).unwrap());
    digests.collect()
}
