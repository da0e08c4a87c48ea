//! Finds the processes that hold a program, by a descriptor of the program or of a link to it.
//! `/proc/PID/fdinfo` shows both (`prog_id:`, since Linux 4.13; for links since 5.9).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

use crate::kernel::fdinfo;

/// A process that holds a program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    /// Its PID, in this process's PID namespace.
    pub process: u32,
    /// Its name, at most 15 bytes.
    pub command: String,
}

/// The processes that hold a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holders {
    /// Sorted by PID. Empty if only a pin, netlink or tc holds the program.
    pub processes: Vec<Holder>,
    /// True if this process may not read the descriptors of some processes.
    pub is_partial: bool,
}

/// One walk through `/proc`, for all programs.
pub(super) struct Search {
    found: BTreeMap<u32, BTreeSet<Holder>>,
    is_partial: bool,
}

impl Search {
    /// Searches for the holders of these programs. Does not read `/proc` if `programs` is empty.
    pub(super) fn for_programs(programs: &BTreeSet<u32>) -> Self {
        if programs.is_empty() {
            return Self { found: BTreeMap::new(), is_partial: false };
        }
        Self::below(Path::new("/proc"), programs)
    }

    fn below(proc: &Path, programs: &BTreeSet<u32>) -> Self {
        let mut search = Self { found: BTreeMap::new(), is_partial: false };
        let Ok(entries) = fs::read_dir(proc) else { return Self { is_partial: true, ..search } };
        for directory in entries.flatten() {
            let Some(process) = directory.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            match held(&directory.path().join("fdinfo"), programs) {
                Ok(held) if held.is_empty() => {}
                Ok(held) => search.add(process, &directory.path(), held),
                Err(error) => search.is_partial |= !has_ended(&error),
            }
        }
        search
    }

    fn add(&mut self, process: u32, directory: &Path, programs: BTreeSet<u32>) {
        let command = fs::read_to_string(directory.join("comm")).unwrap_or_default().trim_end().to_owned();
        for program in programs {
            self.found.entry(program).or_default().insert(Holder { process, command: command.clone() });
        }
    }

    pub(super) fn holders(&self, program: u32) -> Holders {
        let processes = self.found.get(&program).into_iter().flatten().cloned().collect();
        Holders { processes, is_partial: self.is_partial }
    }
}

/// Returns those of `programs` that the descriptors in this directory refer to.
fn held(directory: &Path, programs: &BTreeSet<u32>) -> io::Result<BTreeSet<u32>> {
    let ids = fdinfo::texts(directory)?.map(|text| Ok(fdinfo::number(&text?, "prog_id:")));
    let ids: Vec<Option<u32>> = ids.collect::<io::Result<_>>()?;
    Ok(ids.into_iter().flatten().filter(|id| programs.contains(id)).collect())
}

/// Returns true if the error means that the process has ended.
fn has_ended(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(nix::libc::ESRCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_walked_is_partial() {
        let search = Search::below(Path::new("/nonexistent"), &BTreeSet::from([1]));
        assert_eq!(search.holders(1), Holders { processes: Vec::new(), is_partial: true });
        assert_eq!(Search::for_programs(&BTreeSet::new()).holders(1), Holders::default());
    }

    #[test]
    fn no_descriptor_of_this_process_is_a_program() {
        assert!(held(Path::new("/proc/self/fdinfo"), &BTreeSet::from([u32::MAX])).unwrap().is_empty());
    }
}
